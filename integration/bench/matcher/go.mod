module splitdns/integration/bench/matcher

go 1.26.0

replace splitdns => ../../..

require (
	github.com/AdguardTeam/urlfilter v0.5.0
	github.com/blevesearch/vellum v1.2.1
	github.com/hashicorp/go-immutable-radix/v2 v2.1.0
	github.com/miekg/dns v1.1.73
	splitdns v0.0.0-00010101000000-000000000000
)

require (
	github.com/AdguardTeam/golibs v0.1.3 // indirect
	github.com/BurntSushi/toml v1.6.0 // indirect
	github.com/asaskevich/govalidator v0.0.0-20180720115003-f9ffefc3facf // indirect
	github.com/bits-and-blooms/bitset v1.24.2 // indirect
	github.com/blevesearch/mmap-go v1.2.0 // indirect
	github.com/hashicorp/golang-lru/v2 v2.0.7 // indirect
	github.com/joomcode/errorx v0.8.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
