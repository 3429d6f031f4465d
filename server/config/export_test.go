package config

// Schema is every table and key of the configuration, for tests.
var Schema = schema

// DefaultTimeout is the default of upstream.NAME.timeout, for tests.
const DefaultTimeout = defaultTimeout
