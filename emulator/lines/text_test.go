package lines

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSourceText(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "a\r\nb": "a\r\nb", "\u00e5": "\u00e5", "\xa9 \xff\n": "\u00a9 \u00ff\n",
	} {
		assert.Equal(t, want, string(SourceText([]byte(given))))
	}
}
