// Package card is a Java Card: the runtime environment around the virtual machine of
// package vm, with the memory of a real product. It loads CAP files, installs and
// deletes applets, selects them and hands them commands, and is an [ekrona.example/apdu.Card]
// to its callers.
//
// It follows "Java Card Runtime Environment Specification 3.0.5" (JCRE). A card
// has the basic logical channel only and no card manager: nothing is selected
// after a reset, and loading and installing are calls of the program, not
// commands. Package ekrona.example/emulator/globalplatform puts a card manager on it. Without
// one, applets that ask through org.globalplatform find their own life cycle states, no
// privileges, no services and no secure channel.
//
// Beyond running applets it has what makes a card: a [Profile] whose memory runs out,
// power that can be cut before any persistent write ([Card.CutBefore]), a state that
// can be put into a file between commands ([Card.Save]) or set back to what it was
// ([Card.Snapshot]), and an account of every command ([Card.LastCommand]) from which
// [Estimate] computes how long a P71 would take. A probe ([Options].Probe) observes or
// disturbs the running card.
//
// It trusts the program that uses it. CAP files, applets, commands and state
// files are not trusted. A Card is used by one goroutine at a time.
//
// Start with [New], [Card.Load], [Card.Install] and [Card.Transmit].
package card
