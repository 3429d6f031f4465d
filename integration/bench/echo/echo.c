/*
 * The limit that servers are compared with: takes DNS queries on a port of
 * 127.0.0.1 and sends each back as a response, with nothing but the QR bit
 * changed. UDP in batches in the first thread, TCP in a second one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, PACKET = 1500, CONNECTIONS = 1024, STREAM = 65536 + 2 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_on(int type, int port)
{
	int one = 1, fd = socket(AF_INET, type, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		die("bind");
	return fd;
}

static void udp(int fd)
{
	static unsigned char packets[BATCH][PACKET];
	static struct sockaddr_in names[BATCH];
	static struct iovec vectors[BATCH];
	static struct mmsghdr messages[BATCH];
	for (int i = 0; i < BATCH; i++) {
		vectors[i].iov_base = packets[i];
		vectors[i].iov_len = PACKET;
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_name = &names[i];
		messages[i].msg_hdr.msg_namelen = sizeof names[i];
	}
	for (;;) {
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			continue;
		for (int i = 0; i < n; i++) {
			packets[i][2] |= 0x80;
			vectors[i].iov_len = messages[i].msg_len;
		}
		for (int sent = 0; sent < n;) {
			int k = sendmmsg(fd, messages + sent, n - sent, 0);
			sent += k > 0 ? k : 1; /* skip the one that cannot be sent */
		}
		for (int i = 0; i < n; i++) {
			vectors[i].iov_len = PACKET;
			messages[i].msg_hdr.msg_namelen = sizeof names[i];
		}
	}
}

struct stream {
	size_t have;
	unsigned char data[STREAM];
};

static struct stream *streams[CONNECTIONS];

/* Answers the whole queries that have come on fd. -1: the connection has ended. */
static int answer(int fd, struct stream *s)
{
	ssize_t n = read(fd, s->data + s->have, STREAM - s->have);
	if (n <= 0)
		return -1;
	s->have += n;
	size_t whole = 0;
	while (whole + 2 <= s->have) {
		size_t length = s->data[whole] << 8 | s->data[whole + 1];
		if (whole + 2 + length > s->have)
			break;
		if (length > 2)
			s->data[whole + 4] |= 0x80;
		whole += 2 + length;
	}
	for (size_t sent = 0; sent < whole;) {
		ssize_t k = send(fd, s->data + sent, whole - sent, MSG_NOSIGNAL);
		if (k <= 0)
			return -1;
		sent += k;
	}
	s->have -= whole;
	memmove(s->data, s->data + whole, s->have);
	return 0;
}

static void welcome(int listener, int poll)
{
	int fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return;
	if (fd >= CONNECTIONS || !(streams[fd] = calloc(1, sizeof *streams[fd]))) {
		close(fd);
		return;
	}
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

static void *tcp(void *arg)
{
	int listener = *(int *)arg, poll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, ready[BATCH];
	if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) < 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(poll, ready, BATCH, -1);
		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;
			if (fd == listener) {
				welcome(listener, poll);
			} else if (answer(fd, streams[fd]) < 0) {
				free(streams[fd]);
				close(fd);
			}
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: echo PORT\n");
		return 2;
	}
	int port = atoi(argv[1]);
	int listener = listen_on(SOCK_STREAM, port), socket = listen_on(SOCK_DGRAM, port);
	pthread_t thread;
	if (listen(listener, 128) < 0 || pthread_create(&thread, NULL, tcp, &listener) != 0)
		die("listen");
	udp(socket);
}
