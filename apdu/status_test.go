package apdu

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every row is cited, named once (save ranges that one in the middle cuts), and stands in
// order without overlap, so that each status word has at most one.
func TestStatusWordsAreATable(t *testing.T) {
	documents := []string{
		"ISO/IEC 7816-4:2013 §", "ISO/IEC 7816-4:2020 §", "GPC 2.3.1 §", "GPC Amendment D 1.2 §",
		"Java Card 3.0.5", "NXP JCOP",
	}
	isCited := func(source string) bool {
		for _, d := range documents {
			if strings.HasPrefix(source, d) {
				return true
			}
		}
		return false
	}
	meanings := map[string]string{} // by name
	for i, row := range StatusWords {
		name := fmt.Sprintf("%04X %s", uint16(row.First), row.Name)
		require.LessOrEqual(t, row.First, row.Last, name)
		require.Equal(t, row.First>>8, row.Last>>8, name)
		require.Regexp(t, "^[A-Z0-9_]+$", row.Name)
		require.NotEmpty(t, row.Meaning, name)
		require.True(t, isCited(row.Source), name)
		require.Equal(t, row.GlobalPlatform == "", row.GlobalPlatformSource == "", name)
		require.True(t, row.GlobalPlatform == "" || isCited(row.GlobalPlatformSource), name)
		if meaning, seen := meanings[row.Name]; seen {
			require.Equal(t, meaning, row.Meaning, name)
		}
		meanings[row.Name] = row.Meaning
		if i > 0 {
			require.Less(t, StatusWords[i-1].Last, row.First, name)
		}
	}
}

// Each of the 65536 words is found in its row and in no other, and has a text of one
// line.
func TestEveryStatusWordHasAText(t *testing.T) {
	rows := map[StatusWord]StatusRow{}
	for _, row := range StatusWords {
		for sw := int(row.First); sw <= int(row.Last); sw++ {
			rows[StatusWord(sw)] = row
		}
	}
	unknown := regexp.MustCompile("proprietary|in no standard|no status word")
	for n := range 1 << 16 {
		sw := StatusWord(n)
		want, listed := rows[sw]
		row, known := Status(sw)
		text := sw.Error()
		switch {
		case listed != known, want != row:
			t.Errorf("%04X is found as %v", n, row)
		case strings.Contains(text, "\n"),
			!strings.HasPrefix(text, fmt.Sprintf("card answered %04X", n)):
			t.Errorf("%04X: %q", n, text)
		case sw.Meaning() == "", sw.MeaningOfDomain() == "", known != (len(sw.String()) > 4):
			t.Errorf("%04X: %q, %q, %q", n, sw.Meaning(), sw.MeaningOfDomain(), sw.String())
		case !known && !unknown.MatchString(text):
			t.Errorf("%04X is nobody's, and says %q", n, text)
		}
	}
}

func TestStatusText(t *testing.T) {
	for sw, want := range map[StatusWord]string{
		0x6283: "card answered 6283 DEACTIVATED: selected file is deactivated " +
			"(of a security domain: the card is in CARD_LOCKED)",
		0x6A83: "card answered 6A83 RECORD_NOT_FOUND: record not found",
		0x6123: "card answered 6123 MORE_DATA: 35 more bytes of the answer are waiting",
		0x6C00: "card answered 6C00 WRONG_LE: wrong Le; 256 bytes are available",
		0x63C2: "card answered 63C2 TRIES_LEFT: wrong or not verified; tries left: 2",
		0x6999: "card answered 6999 SELECT_FAILED: no applet is selected, or its selection failed",
		0x9485: "card answered 9485 WRONG_CHECK_VALUE: key check value wrong",
		0x9401: "card answered 9401: proprietary: the application defines what it means",
		0x6F42: "card answered 6F42: no precise diagnosis, proprietary: " +
			"the application defines what it means",
		0x6A42: "card answered 6A42: wrong parameters; SW2 is in no standard",
		0x1234: "card answered 1234: no status word; it begins with 61 to 6F or 90 to 9F",
	} {
		assert.Equal(t, want, sw.Error())
	}
	assert.Equal(t, "9401", StatusWord(0x9401).String())
	assert.Contains(t, SWNotLinked.MeaningOfDomain(), "cannot link")
	assert.Equal(t, "security status not satisfied", SWSecurity.MeaningOfDomain())
}

// ISO/IEC 7816-4:2013 §5.6, tables of SW1.
func TestStatusClasses(t *testing.T) {
	classes := map[string]error{
		"w": ErrWarning, "x": ErrExecution, "c": ErrChecking, "p": ErrProprietary,
	}
	for _, row := range []struct {
		sw   StatusWord
		want string
	}{
		{0x6123, ""}, {0x6281, "w"}, {0x63C2, "w"}, {0x6400, "x"}, {0x6581, "x"}, {0x6600, "x"},
		{0x6700, "c"}, {0x6742, "cp"}, {0x6882, "c"}, {0x6982, "c"}, {0x6942, "c"}, {0x6A80, "c"},
		{0x6B00, "c"}, {0x6B01, "cp"}, {0x6C08, "c"}, {0x6D00, "c"}, {0x6D01, "cp"}, {0x6E00, "c"},
		{0x6E01, "cp"}, {0x6F00, "c"}, {0x6F01, "cp"},
		{0x9401, "p"}, {0x9FFF, "p"}, {0x9001, "p"}, {0x1234, ""},
	} {
		err := fmt.Errorf("terminal: %w", Response{SW: row.sw}.Err())
		assert.ErrorIs(t, err, row.sw)
		for letter, class := range classes {
			assert.Equal(t, strings.Contains(row.want, letter), errors.Is(err, class), "%v, %v",
				err, class)
		}
	}
	for _, class := range classes {
		assert.False(t, OK.Is(class))
	}
}

func TestTriesLeft(t *testing.T) {
	for tries := range 16 {
		var left TriesLeft
		require.ErrorAs(t, error(SWTriesLeft+StatusWord(tries)), &left)
		assert.EqualValues(t, tries, left)
	}
	var left TriesLeft
	assert.False(t, errors.As(SWBlocked, &left))
}
