// Package nftset puts addresses into nftables sets before a client hears of them, keeps them there
// for as long as the client may use them, and says what is wrong where that cannot be done. Which
// address belongs into which set, and what a client gets where it is not in, others decide.
package nftset
