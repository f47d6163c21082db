package card

import (
	"fmt"
	"strings"

	"ekrona/emulator/api"
	"ekrona/emulator/vm"
)

// Profile is the memory, the transport and the API of a card product.
type Profile struct {
	Name string

	NVMBytes    int // persistent memory for packages and applets; 0 is without limit
	RAMBytes    int // transient memory for applets; 0 is without limit
	CommitBytes int // what one transaction can hold; 0 is without limit

	Product api.Product // the part of the API that it has; the zero Product has all

	APDUBuffer     int  // bytes, at least 133 (Java Card API 3.0.5, APDU)
	ExtendedLength bool // takes extended APDUs, for applets that take them too
}

// The profiles. P71 is the NXP J3R180 with JCOP 4 as JCAlgTest measured it
// (crocs-muni/jcalgtest_results, JCSystem and APDU rows of "NXP JCOP4 J3R180 SECID
// P71"); P71Short is the same behind a reader or product without extended length.
var (
	P71 = Profile{
		Name: "p71", NVMBytes: 139_360, RAMBytes: 4_084, CommitBytes: 5_120,
		Product: api.P71, APDUBuffer: 261, ExtendedLength: true,
	}
	P71Short = Profile{
		Name: "p71-short", NVMBytes: 139_360, RAMBytes: 4_084, CommitBytes: 5_120,
		Product: api.P71, APDUBuffer: 261,
	}
	Unlimited = Profile{Name: "unlimited", APDUBuffer: 261, ExtendedLength: true}
)

// Profiles lists them.
func Profiles() []Profile { return []Profile{P71, P71Short, Unlimited} }

// ProfileNamed finds a profile.
func ProfileNamed(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("no card profile %q; choose %s", name, strings.Join(names, ", "))
}

func (p Profile) limits() vm.Limits {
	return vm.Limits{NVMBytes: p.NVMBytes, RAMBytes: p.RAMBytes, CommitBytes: p.CommitBytes}
}

// Memory is what applets and packages take of a card's memory, in bytes.
type Memory struct {
	NVMFree      int // persistent
	ResetFree    int // RAM for CLEAR_ON_RESET
	DeselectFree int // RAM for CLEAR_ON_DESELECT of the selected applet
}
