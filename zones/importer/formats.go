package importer

// formats in the order in which they are tried: what only one format can be stands
// before what many texts could be.
var formats = []format{
	m365Format,
	serviceTagsFormat,
	googleFormat,
	appleFormat,
	learnFormat,
	wnsFormat,
	rpzFormat,
	dnsmasqFormat,
	adguardFormat,
	v2flyFormat,
	hostsFormat,
	namesFormat,
}
