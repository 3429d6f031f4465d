package zones

// ParseListOf is parseList, for tests.
var ParseListOf = parseList
