package card

import (
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/vm"
)

// Profile is the memory, the transport and the API of a card product.
type Profile struct {
	Name  string
	Title string // the product

	// Source is the file of crocs-muni/jcalgtest_results, in javacard/Profiles, that the
	// numbers come from, shortened where "..." stands; empty for a profile of no product.
	Source string
	// Assumed are the numbers that Source does not have, in words; "" if there are none.
	Assumed  string
	JavaCard string // the release that the product is sold as

	NVMBytes    int // persistent memory for packages and applets; 0 is without limit
	RAMBytes    int // transient memory for applets; 0 is without limit
	RAMUnit     int // a transient array takes a multiple of it; 0 stands for 1
	CommitBytes int // what one transaction can hold; 0 is without limit
	// InstallBytes is what Applet.install may write and make before the platform throws
	// TransactionException.BUFFER_FULL, as a J3R180 does where much is made in a constructor
	// (JCAlgTest's source). Nobody has measured how much that is: it is taken for a transaction,
	// in which each write and each new object has an entry. 0 is without limit.
	InstallBytes int

	// Product is the part of the API that it has, and what its cryptographic objects take
	// of transient memory; the zero Product has all, for nothing.
	Product api.Product

	APDUBuffer     int  // bytes, at least 133 (Java Card API 3.0.5, APDU)
	ExtendedLength bool // takes extended APDUs, for applets that take them too
	// Channels is how many logical channels it has, the basic one included; 0 stands for 1. No
	// published result says it of the products: those of the first interindustry class values, 4,
	// are assumed, though answers to reset of the P71 family declare one (and no extended length,
	// which they have). Each channel has the whole CLEAR_ON_DESELECT memory.
	Channels int
	// DataInBuffer puts the command's data into the APDU buffer before the applet asks for it by
	// setIncomingAndReceive, as some cards do over T=1; applets must not rely on it.
	DataInBuffer bool

	ATR  []byte // nil is that of the P71 family
	CPLC []byte // value of 9F7F, 42 bytes; the card puts numbers of its own into it. nil: a P71's
}

// Profiles lists them: first the project's own, then the published products by their
// transient memory, the most first.
func Profiles() []Profile {
	return append([]Profile{P71, P71Short, Unlimited}, Products()...)
}

// ProfileNames are the names of [Profiles], separated by commas.
func ProfileNames() string {
	var names []string
	for _, p := range Profiles() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// ProfileNamed finds a profile.
func ProfileNamed(name string) (Profile, error) {
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
	}
	all := ProfileNames()
	return Profile{}, fmt.Errorf("no card profile %q; choose %s%s", apdu.Brief(name), all,
		apdu.Unknown(name, strings.Split(all, ", ")))
}

func (p Profile) limits() vm.Limits {
	return vm.Limits{NVMBytes: p.NVMBytes, RAMBytes: p.RAMBytes, RAMUnit: p.RAMUnit,
		CommitBytes: p.CommitBytes, InstallBytes: p.InstallBytes}
}

// Memory is how much of a card's memory is free, in bytes.
type Memory struct {
	NVMFree      int // persistent
	ResetFree    int // RAM for CLEAR_ON_RESET
	DeselectFree int // RAM for CLEAR_ON_DESELECT of the selected applet
}
