package cookie

// SIP is SipHash-2-4.
var SIP = sip
