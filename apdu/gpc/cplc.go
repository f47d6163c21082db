package gpc

import (
	"encoding/binary"
	"fmt"
	"time"
)

// CPLCLength is how long card production life cycle data is, in bytes.
const CPLCLength = 42

// CPLC is card production life cycle data, 9F7F, in the order of the wire: who made
// chip and card, and when. Its layout comes from Visa's GlobalPlatform requirements;
// GPC leaves it open. Many makers fill only a part of it and put data of their own
// into the last fields.
type CPLC struct {
	Fabricator         uint16
	ICType             uint16
	OperatingSystem    uint16
	OSReleaseDate      ProductionDate
	OSReleaseLevel     uint16
	FabricationDate    ProductionDate
	Serial             uint32
	Batch              uint16
	ModuleFabricator   uint16
	ModulePackaging    ProductionDate
	CardManufacturer   uint16
	Embedding          ProductionDate
	PrePersonalizer    uint16
	PrePersonalization ProductionDate
	PrePersonalizedBy  uint32 // equipment
	Personalizer       uint16
	Personalization    ProductionDate
	PersonalizedBy     uint32 // equipment
}

// ProductionDate is the last digit of a year and the day of that year in BCD, YDDD.
type ProductionDate uint16

// YearDay gives the last digit of the year and the day in it, from 1; false if there is none.
func (d ProductionDate) YearDay() (year, day int, is bool) {
	year, day = int(d>>12), int(d>>8&0xF)*100+int(d>>4&0xF)*10+int(d&0xF)
	is = year <= 9 && d>>8&0xF <= 9 && d>>4&0xF <= 9 && d&0xF <= 9 && day >= 1 && day <= 366
	return year, day, is
}

// In gives the date, in the last ten years up to the day; false if there is none.
func (d ProductionDate) In(today time.Time) (time.Time, bool) {
	year, days, is := d.YearDay()
	if !is {
		return time.Time{}, false
	}
	this := today.Year()
	on := time.Date(this-(this%10-year+10)%10, 1, days, 0, 0, 0, 0, time.UTC)
	if on.After(today) {
		on = time.Date(on.Year()-10, 1, days, 0, 0, 0, 0, time.UTC)
	}
	return on, on.YearDay() == days // day 366 of a short year is none
}

// CPLCFields are what the fields of production data are called, in their order, with their lengths
// in bytes.
var CPLCFields = []struct {
	Name   string
	Length int
	Date   bool
}{
	{"IC fabricator", 2, false}, {"IC type", 2, false}, {"operating system", 2, false},
	{"operating system of", 2, true}, {"operating system level", 2, false},
	{"IC fabricated", 2, true}, {"IC serial number", 4, false}, {"IC batch", 2, false},
	{"module fabricator", 2, false}, {"module packaged", 2, true},
	{"card manufacturer", 2, false}, {"card embedded", 2, true},
	{"pre-personalizer", 2, false}, {"pre-personalized", 2, true},
	{"pre-personalized by", 4, false}, {"personalizer", 2, false},
	{"personalized", 2, true}, {"personalized by", 4, false},
}

// fields are where the data goes, in order.
func (c *CPLC) fields() []any {
	return []any{
		&c.Fabricator, &c.ICType, &c.OperatingSystem, (*uint16)(&c.OSReleaseDate),
		&c.OSReleaseLevel, (*uint16)(&c.FabricationDate),
		&c.Serial, &c.Batch, &c.ModuleFabricator, (*uint16)(&c.ModulePackaging),
		&c.CardManufacturer, (*uint16)(&c.Embedding),
		&c.PrePersonalizer, (*uint16)(&c.PrePersonalization), &c.PrePersonalizedBy, &c.Personalizer,
		(*uint16)(&c.Personalization), &c.PersonalizedBy,
	}
}

// ParseCPLC reads the value of 9F7F, exactly.
func ParseCPLC(b []byte) (*CPLC, error) {
	if len(b) != CPLCLength {
		return nil, fmt.Errorf("%w: production data (CPLC) of %d bytes; it has %d", ErrMalformed,
			len(b), CPLCLength)
	}
	c := new(CPLC)
	for _, field := range c.fields() {
		switch to := field.(type) {
		case *uint16:
			*to, b = binary.BigEndian.Uint16(b), b[2:]
		case *uint32:
			*to, b = binary.BigEndian.Uint32(b), b[4:]
		}
	}
	return c, nil
}

// Bytes is the value of 9F7F.
func (c *CPLC) Bytes() []byte {
	var out []byte
	for _, field := range c.fields() {
		switch from := field.(type) {
		case *uint16:
			out = binary.BigEndian.AppendUint16(out, *from)
		case *uint32:
			out = binary.BigEndian.AppendUint32(out, *from)
		}
	}
	return out
}

// ICFabricatorNXP is the fabricator in the CPLC of NXP's chips.
const ICFabricatorNXP = 0x4790

// What is known of NXP's products: chips by ICType, operating systems by their number
// (reports at github.com/martinpaljak/GlobalPlatformPro, issue 221, and at
// github.com/BryanJacobs/FIDO2Applet, issue 28).
var (
	chipsOfNXP   = map[uint16]string{0xD321: "P71D321", 0xD600: "P71D600"}
	systemsOfNXP = map[uint16]string{0x4700: "JCOP 4"}
)

// Product names chip and operating system if they are known ones, else it is empty.
func (c *CPLC) Product() string {
	if c.Fabricator != ICFabricatorNXP {
		return ""
	}
	chip, system := chipsOfNXP[c.ICType], systemsOfNXP[c.OperatingSystem]
	switch {
	case chip == "" && system == "":
		return "NXP"
	case chip == "":
		return "NXP, " + system
	case system == "":
		return "NXP " + chip
	}
	return "NXP " + chip + ", " + system
}
