// Package nftset puts addresses into nftables sets before a client hears of them, keeps them there
// for as long as the client may use them, and says what is wrong where that cannot be done. Which
// address belongs into which set, and what a client gets where it is not in, others decide.
//
// A [Keeper] remembers until when each of its elements is in its set, so that most queries need no
// look at the kernel ([Keeper.Holds]). One goroutine alone talks to the kernel: requests that come
// while it is busy go out together, in one transaction for each set, so that a bad set never spoils
// another. A transaction that fails is cut in half again and again until each element has its own
// verdict. Another goroutine listens to what others do to the ruleset.
//
// What somebody else removes comes back, be it one element, a flush, or a set or ruleset loaded
// anew: clients were told to use these addresses, the removal is most often a reload that knows
// nothing of them, and an element that an administrator does not want is to go from the rule, whose
// next answer would bring it back anyway. What somebody else put in is never made to end sooner: an
// address is looked up before it is first added, as adding it again with a timeout would make a
// permanent element end (measured on Linux 6.18), and adding it to a set with a range that covers it
// is an error. The other way round, nft refuses a range while one of our addresses in it has not
// ended: ranges belong into the file that makes the set.
//
// Since Linux 6.12, adding an element again sets its timeout anew; older kernels say yes and do
// nothing. Old kernels are told to add, delete and add in one transaction, which nobody sees half
// done. It costs the counters of that element. Which kernel it is shows in the first transaction,
// which adds, deletes, and adds twice, with two timeouts: the one that the element has then tells it.
// Looking at the kernel's version was turned down, as distributions carry such changes back, and
// trying it out in a table of our own, as others watch the ruleset; and waiting for the first
// element that is refreshed, as one that has ended or was removed meanwhile tells nothing, or a lie.
package nftset
