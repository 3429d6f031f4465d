package cookie

// Sip is SipHash-2-4.
var Sip = sip
