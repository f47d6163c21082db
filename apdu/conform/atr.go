package conform

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu/atr"
)

// The checks of the answer to reset of a contact card; one that a contactless reader makes says
// little of the card.
var atrChecks = []Check{
	{ID: "ATR-01", Clause: iso3 + "§8.1", Needs: NeedContact,
		Rule: "The ATR begins with 3B or 3F.", Judge: ofATR(func(l layout) string {
			if len(l.all) == 0 || l.all[0] != 0x3B && l.all[0] != 0x3F {
				return fmt.Sprintf("%X does not", l.all)
			}
			return ""
		})},
	{ID: "ATR-02", Clause: iso3 + "§8.2.1", Needs: NeedContact,
		Rule: "The ATR has at most 33 bytes, TS counted.", Judge: ofATR(func(l layout) string {
			if len(l.all) > atr.MaxLength {
				return fmt.Sprintf("it has %d", len(l.all))
			}
			return ""
		})},
	{ID: "ATR-03", Clause: iso3 + "§8.2", Needs: NeedContact,
		Rule: "As many bytes follow T0 as T0 and TD announce.", Judge: ofATR(func(l layout) string {
			if l.missing > 0 {
				return fmt.Sprintf("%d are missing", l.missing)
			}
			if l.surplus > 0 {
				return fmt.Sprintf("%d are too many", l.surplus)
			}
			return ""
		})},
	{ID: "ATR-04", Clause: iso3 + "§8.2.5", Needs: NeedContact,
		Rule: "TCK is there if a protocol but T=0 is offered, and is the sum of all from T0.",
		Judge: ofATR(func(l layout) string {
			if !l.needsCheck {
				return ""
			}
			if l.missing > 0 {
				return "it is missing"
			}
			sum := byte(0)
			for _, b := range l.all[1:] {
				sum ^= b
			}
			if sum != 0 {
				return fmt.Sprintf("it is wrong by %02X", sum)
			}
			return ""
		})},
	{ID: "ATR-05", Clause: iso3 + "§8.2.5", Needs: NeedContact,
		Rule: "TCK is absent if T=0 alone is offered.", Judge: ofATR(func(l layout) string {
			if !l.needsCheck && l.surplus > 0 {
				return fmt.Sprintf("%d more bytes are there", l.surplus)
			}
			return ""
		})},
	{ID: "ATR-06", Clause: iso3 + "§8.2.3", Needs: NeedContact,
		Rule: "Protocols are offered in ascending order, T=0 first and T=15 last.",
		Judge: ofATR(func(l layout) string {
			for i, t := range l.protocols {
				if i > 0 && t < l.protocols[i-1] {
					return fmt.Sprintf("T=%d is offered after T=%d", t, l.protocols[i-1])
				}
			}
			return ""
		})},
	{ID: "ATR-07", Clause: iso3 + "§8.3, tables 7 and 8", Needs: NeedContact,
		Rule: "Fi and Di in TA1 are not reserved.", Judge: ofATR(func(l layout) string {
			if l.parsed == nil {
				return ""
			}
			if _, _, ok := l.parsed.Speed(); !ok {
				return fmt.Sprintf("TA1 is %02X", *l.parsed.Interfaces[0].TA)
			}
			return ""
		})},
	{ID: "ATR-08", Clause: iso3 + "§11.4.2", Needs: NeedContact,
		Rule: "The size of the card's blocks of T=1 is 01 to FE.",
		Judge: ofATR(func(l layout) string {
			if ta := l.ofT1(0); ta != nil && (*ta == 0 || *ta == 0xFF) {
				return fmt.Sprintf("it is %02X", *ta)
			}
			return ""
		})},
	{ID: "ATR-09", Clause: iso3 + "§11.4.3", Needs: NeedContact,
		Rule: "The waiting time of T=1 for blocks, BWI, is 0 to 9.",
		Judge: ofATR(func(l layout) string {
			if tb := l.ofT1(1); tb != nil && *tb>>4 > 9 {
				return fmt.Sprintf("it is %d", *tb>>4)
			}
			return ""
		})},
	{ID: "ATR-10", Clause: iso4 + "§12.1.1.1", Needs: NeedContact, Should: true,
		Rule: "The first historical byte, if there is one, is 00, 10 or 80 to 8F.",
		Judge: ofATR(func(l layout) string {
			if l.parsed == nil || len(l.parsed.Historical) == 0 {
				return ""
			}
			switch first := l.parsed.Historical[0]; {
			case first == 0, first == 0x10, first>>4 == 8:
				return ""
			default:
				return fmt.Sprintf("it is %02X, which makes all proprietary", first)
			}
		})},
	{ID: "ATR-11", Clause: iso4 + "§12.1.1", Needs: NeedContact,
		Rule: "Historical bytes of category 00 or 80 are whole COMPACT-TLV objects.",
		Judge: ofATR(func(l layout) string {
			if l.parsed == nil || len(l.parsed.Historical) == 0 {
				return ""
			}
			h := l.parsed.Historical
			rest := h[1:]
			switch {
			case h[0] == 0 && len(rest) < 3:
				return "the three status bytes of category 00 are missing"
			case h[0] == 0:
				rest = rest[:len(rest)-3]
			case h[0] != 0x80:
				return ""
			}
			for len(rest) > 0 {
				n := int(rest[0] & 0x0F)
				if n > len(rest)-1 {
					return fmt.Sprintf("object %X announces %d bytes, and %d follow", rest[0]>>4,
						n, len(rest)-1)
				}
				rest = rest[1+n:]
			}
			return ""
		})},
	{ID: "ATR-12", Clause: iso3 + "§8.1", Needs: NeedContact, Lines: []string{reset, reset},
		Rule: "The ATR is the same after each reset.", Judge: func(k *Known, _ []Answer) string {
			if !bytes.Equal(k.first, k.ATR) {
				return fmt.Sprintf("%X, and then %X", k.first, k.ATR)
			}
			return ""
		}},
}

// ofATR is a judge of the ATR alone.
func ofATR(judge func(layout) string) func(*Known, []Answer) string {
	return func(k *Known, _ []Answer) string { return judge(layoutOf(k.ATR)) }
}

// layout is an ATR taken apart as far as it goes.
type layout struct {
	all        []byte
	parsed     *atr.ATR // nil if it is malformed
	protocols  []int    // of TD1, TD2, ...
	interfaces []atr.Interface
	needsCheck bool
	missing    int // bytes that were announced
	surplus    int // bytes that were not
}

func layoutOf(b []byte) layout {
	l := layout{all: b}
	if parsed, err := atr.Parse(b); err == nil {
		l.parsed = parsed
	}
	if len(b) < 2 {
		l.missing = 2 - len(b)
		return l
	}
	rest, historical := b[2:], int(b[1]&0x0F)
	for y := b[1] >> 4; y != 0; {
		var group atr.Interface
		for i, to := range []**byte{&group.TA, &group.TB, &group.TC, &group.TD} {
			if y>>i&1 == 0 {
				continue
			}
			if len(rest) == 0 {
				l.missing++
				continue
			}
			*to, rest = &rest[0], rest[1:]
		}
		l.interfaces = append(l.interfaces, group)
		if y = 0; group.TD != nil {
			y = *group.TD >> 4
			t := int(*group.TD & 0x0F)
			l.protocols = append(l.protocols, t)
			l.needsCheck = l.needsCheck || t != 0
		}
	}
	if l.needsCheck {
		historical++
	}
	l.missing += max(0, historical-len(rest))
	l.surplus = max(0, len(rest)-historical)
	return l
}

// ofT1 is the first TA (0) or TB (1) that is specific to T=1; nil if there is none.
func (l layout) ofT1(which int) *byte {
	for i := 2; i < len(l.interfaces); i++ {
		if l.protocols[i-1] == 1 {
			return []*byte{l.interfaces[i].TA, l.interfaces[i].TB}[which]
		}
	}
	return nil
}
