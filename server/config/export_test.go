package config

import "splitdns/zones"

// Schema is every table and key of the configuration, for tests.
var Schema = schema

// DefaultTimeout is the default of upstream.NAME.timeout, for tests.
const DefaultTimeout = defaultTimeout

// AddPatterns says whether zones whose files have so many patterns may have one
// more, whose file is z.txt.
func AddPatterns(before int, z *zones.Zone) error {
	l := &loader{patterns: before}
	return l.addPatterns("z.txt", z)
}
