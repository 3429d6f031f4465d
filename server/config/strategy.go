package config

// Strategy says which servers of an upstream group are asked, and in what order.
type Strategy int

// The strategies.
const (
	Fastest  Strategy = iota // the fastest first, the next when it is late
	InOrder                  // as they stand in the file
	Parallel                 // several at once
)

// strategyWords are the strategies as the file has them.
var strategyWords = []string{Fastest: "fastest", InOrder: "order", Parallel: "parallel"}
