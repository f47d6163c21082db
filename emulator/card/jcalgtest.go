package card

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/atr"
)

// sections are the parts of JCAlgTest's files, by the class of their constants.
var sections = map[string]string{
	"javacardx.crypto.Cipher": "Cipher", "javacardx.crypto.AEADCipher": "AEADCipher",
	"javacard.crypto.Signature":       "Signature",
	"javacard.security.MessageDigest": "MessageDigest",
	"javacard.security.RandomData":    "RandomData", "javacard.security.KeyBuilder": "KeyBuilder",
	"javacard.security.KeyAgreement": "KeyAgreement",
}

// number is a size in a file of JCAlgTest: 139344B; what is above 32,767 and not told is ">32767B".
var number = regexp.MustCompile(`^(\d+)B$`)

// notInNames are the characters that the name of a profile has not.
var notInNames = regexp.MustCompile(`[^a-z0-9.-]+`)

// nameOf is the name of a profile that is called after a text.
func nameOf(text string) string {
	const longest = 40
	short := notInNames.ReplaceAllString(strings.ToLower(text), "-")
	short = strings.Trim(short[:min(longest, len(short))], "-.")
	if !profileName.MatchString(short) {
		return "card"
	}
	return short
}

// ProfileOfJCAlgTest makes a profile of a file with results of JCAlgTest, ..._ALGSUPPORT_....csv,
// with a name like the one given. What the file does not tell is as in P71. Errors: [ErrProfile].
func ProfileOfJCAlgTest(name string, file []byte) (Profile, error) {
	name = nameOf(name)
	p := P71
	p.Name, p.Title, p.Source, p.ATR, p.CPLC = name, name, "JCAlgTest", nil, nil
	p.Product.Name = name
	section, told := "", 0
	for line := range strings.Lines(string(file)) {
		first, second := firstTwo(line)
		if strings.HasPrefix(first, "javacard") {
			section = sections[first]
			if strings.HasPrefix(first, "javacard.security.KeyPair") {
				section = "KeyPair"
			}
			continue
		}
		if section != "" {
			c, err := constantNamed(section + "." + strings.ReplaceAll(first, " ", ":"))
			if err == nil && (second == "yes" || second == "no") {
				p.Product = having(p.Product, c, second == "yes")
				told++
			}
			continue
		}
		if err := p.setTold(first, second); err != nil {
			return Profile{}, err
		}
	}
	if told == 0 {
		return Profile{}, fmt.Errorf("%w: no results of JCAlgTest's algorithms are in the file",
			ErrProfile)
	}
	return p, nil
}

// firstTwo are the first two columns of a line. They are parted by semicolons; files that went
// through a spreadsheet have commas in their place, or behind the last.
func firstTwo(line string) (first, second string) {
	by := ";"
	if !strings.Contains(line, by) {
		by = ","
	}
	first, rest, _ := strings.Cut(line, by)
	second, _, _ = strings.Cut(rest, by)
	const around = " \t\r\n,"
	return strings.Trim(first, around), strings.Trim(second, around)
}

// hiddenDigits stand in an ATR that who sent the results did not want to tell.
const hiddenDigits = "xx"

// setTold takes one line before the algorithms.
func (p *Profile) setTold(what, value string) error {
	bytes := func(to *int) {
		n := number.FindStringSubmatch(value)
		if n == nil {
			return
		}
		told, err := strconv.Atoi(n[1])
		if err != nil || told > maxSize {
			told = 0 // without limit
		}
		*to = told
	}
	switch what {
	case "Card name":
		if value != "" {
			p.Title = value
		}
	case "Card ATR":
		value, _, _ = strings.Cut(value, "(") // who has sent it
		if strings.Contains(value, hiddenDigits) {
			return nil
		}
		reset, err := apdu.ParseHex(value)
		if err == nil {
			_, err = atr.Parse(reset)
		}
		if err != nil {
			return fmt.Errorf("%w: Card ATR: %q: %w", ErrProfile, value, err)
		}
		p.ATR = reset
	case "CPLC":
		if cplc, err := apdu.ParseHex(value); err == nil && len(cplc) == 45 {
			p.CPLC = cplc[3:]
		}
	case "JCSystem.MEMORY_TYPE_PERSISTENT":
		bytes(&p.NVMBytes)
	case "JCSystem.MEMORY_TYPE_TRANSIENT_RESET":
		bytes(&p.RAMBytes)
	case "JCSystem.getMaxCommitCapacity()":
		bytes(&p.CommitBytes)
	}
	return nil
}
