package drift

// For tests of single steps.
var (
	NearestOf  = nearest
	WiderOf    = wider
	Aggregated = aggregated
	SuffixOf   = suffixOf
)
