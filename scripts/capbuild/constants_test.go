package capbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConstantsLeaveTheirLinesEmpty: what is read by its mere name and what has more than one line
// stay, all of it on its line.
func TestConstantsLeaveTheirLinesEmpty(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(from, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("a/Spec.java", `class Spec {
    static final byte READ = (byte) 0x81;
    static final byte NEAR = 6;
    static final byte FAR = NEAR + 1;
    static final short UNREAD = (short) 2; // why
    private static final short ONCE_READ = 3;
    static final short READER = ONCE_READ;
    public static final short EXPORTED = 4;
    static final byte[] FRAME = {
        5,
    };
}
`)
	write("a/Use.java", "import static a.Spec.READ;\n"+
		"class Use { byte b = Spec.READ+Spec.FAR+Spec.READ + a.Spec.READ; }\n")
	require.NoError(t, copyWithoutConstants(to, from))
	left, err := os.ReadFile(filepath.Join(to, "a", "Spec.java"))
	require.NoError(t, err)
	assert.Equal(t, `class Spec {
    static final byte READ = (byte) 0x81;
    static final byte NEAR = 6;
    static final byte FAR = NEAR + 1;




    static final byte[] FRAME = {
        5,
    };
}
`, string(left))
	left, err = os.ReadFile(filepath.Join(to, "a", "Use.java"))
	require.NoError(t, err)
	assert.Equal(t, "import static a.Spec.READ;\n"+
		"class Use { byte b = ((byte) (byte) 0x81)+Spec.FAR+"+
		"((byte) (byte) 0x81) + a.Spec.READ; }\n", string(left))
}
