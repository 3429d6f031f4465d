package querylog

// AppendEntry is the encoder alone, to be measured.
var AppendEntry = appendEntry

// MaxPending is the bound on what waits to be written.
const MaxPending = maxPending
