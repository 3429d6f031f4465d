package importer

import (
	"net/netip"
	"strings"
)

// hostsFormat is files of the form of /etc/hosts: an address, then names, each of them
// exactly that name. The addresses say where a name is sent, not what its owner
// publishes, so they are left out.
var hostsFormat = format{
	name:      "hosts",
	what:      "a hosts file",
	looksLike: func(data []byte) bool { return mostFit(data, hostsFit, "#", "!", ";") },
	read:      readHosts,
}

// hostsFit says how a line looks.
func hostsFit(line string) fit {
	words := strings.Fields(line)
	if len(words) < 2 || !isAddr(words[0]) {
		return foreign
	}
	if isLocal(words[1]) {
		return usual
	}
	if isNameLike(words[1]) {
		return telling
	}
	return foreign
}

// isAddr says whether text is an address.
func isAddr(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// localNames are those of the machine itself and its links, which hosts files begin with.
var localNames = []string{
	"localhost", "localhost.localdomain", "localhost4", "localhost6", "local", "broadcasthost", "0.0.0.0",
	"ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts",
}

// isLocal says whether a name is one of the machine itself.
func isLocal(name string) bool {
	for _, local := range localNames {
		if strings.EqualFold(name, local) || strings.EqualFold(name, local+".localdomain") {
			return true
		}
	}
	return false
}

// readHosts reads a hosts file.
func readHosts(r *reading) error {
	l := newListing(r)
	return l.lines(func(line int, text string) {
		if text = uncommented(text, "#", "!", ";"); text != "" {
			l.hostsLine(l.list(line), line, strings.Fields(text))
		}
	})
}

// hostsLine reads an address and names, which go into row.
func (l *listing) hostsLine(row *listRow, line int, words []string) {
	addr, err := netip.ParseAddr(words[0])
	if err != nil || len(words) < 2 {
		l.note(line, Skipped, "%q: want an address, then names", cut(strings.Join(words, " ")))
		return
	}
	if !addr.IsUnspecified() && !addr.IsLoopback() && !isLocal(words[1]) {
		l.count(line, Normalised, "left out the address that names are sent to")
	}
	for _, name := range words[1:] {
		switch {
		case isLocal(name):
			l.count(line, Skipped, "a name of the machine itself, such as localhost")
			continue
		case strings.Contains(name, "*"):
			l.count(line, Doubted, "a star, which hosts files do not have; read as a pattern")
		}
		l.name(row, line, name)
	}
}
