package jcardsim_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/applet/jcardsim"
)

// sha1Applet is an applet that comes with jCardSim. It keeps these tests about
// the bridge, whatever our applet does.
const sha1Applet = "com.licel.jcardsim.samples.Sha1Applet"

// Its instructions.
const (
	insDigest     = 0x00
	insEcho       = 0x02
	insLastDigest = 0x06
)

var instanceAID = []byte{0xF0, 1, 2, 3, 4, 5}

func build(t *testing.T) jcardsim.Classes {
	t.Helper()
	return jcardsim.BuildForTests(t, filepath.Join("..", "jcsim"))
}

func start(t *testing.T, classes jcardsim.Classes, applet string) *jcardsim.Simulator {
	t.Helper()
	s, err := jcardsim.Start(classes, applet)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestBridge(t *testing.T) {
	classes := build(t)

	t.Run("says what is missing before install", func(t *testing.T) {
		s := start(t, classes, sha1Applet)
		_, err := s.Transmit(t.Context(), apdu.Command{INS: 0xA4, P1: 4})
		assert.ErrorContains(t, err, "begin with install")
	})

	t.Run("carries data, short and extended, and keeps a card over commands", func(t *testing.T) {
		s := start(t, classes, sha1Applet)
		require.NoError(t, s.Install(t.Context(), instanceAID, []byte{1, 2, 3}))
		selectIt := apdu.Command{INS: 0xA4, P1: 4, Data: instanceAID}
		send := func(c apdu.Command) []byte {
			t.Helper()
			data, err := apdu.Send(t.Context(), s, c)
			require.NoError(t, err)
			return data
		}
		send(selectIt)
		long := bytes.Repeat([]byte("e-krona "), 100)
		assert.Equal(t, long,
			send(apdu.Command{CLA: 0x80, INS: insEcho, Data: long, Ne: apdu.MaxExtendedNe}))
		digest := sha1.Sum([]byte("abc"))
		assert.Equal(t, digest[:],
			send(apdu.Command{CLA: 0x80, INS: insDigest, Data: []byte("abc"), Ne: apdu.MaxShortNe}))
		assert.Equal(t, digest[:],
			send(apdu.Command{CLA: 0x80, INS: insLastDigest, Ne: apdu.MaxShortNe}))

		require.NoError(t, s.Reset(t.Context()))
		_, err := apdu.Send(t.Context(), s,
			apdu.Command{CLA: 0x80, INS: insLastDigest, Ne: apdu.MaxShortNe})
		assert.Error(t, err, "nothing is selected after a reset")
		send(selectIt)
		assert.Equal(t, make([]byte, sha1.Size),
			send(apdu.Command{CLA: 0x80, INS: insLastDigest, Ne: apdu.MaxShortNe}),
			"transient memory is lost")
	})

	t.Run("refuses parameters that a card could not hand over", func(t *testing.T) {
		s := start(t, classes, sha1Applet)
		assert.ErrorContains(t, s.Install(t.Context(), instanceAID, make([]byte, 128)), "too long")
	})

	t.Run("reports an applet class that is not there", func(t *testing.T) {
		s, err := jcardsim.Start(classes, "ekrona.NoSuchApplet")
		require.NoError(t, err)
		assert.Error(t, s.Reset(t.Context()))
		assert.NoError(t, s.Close())
	})

	t.Run("ends with its context", func(t *testing.T) {
		s := start(t, classes, sha1Applet)
		require.NoError(t, s.Install(t.Context(), instanceAID, nil))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Reset(ctx)
		assert.True(t, errors.Is(err, context.Canceled), "%v", err)
		assert.Error(t, s.Reset(t.Context()), "no later answer can be trusted")
	})
}

// Any applet runs, from its sources alone.
func TestBuildApplet(t *testing.T) {
	hello := filepath.Join("..", "..", "emulator", "examples", "hello", "src")
	content, err := os.ReadFile(filepath.Join(hello, "hello", "Hello.java"))
	require.NoError(t, err)
	require.NotEmpty(t, content)
	classes, err := jcardsim.BuildApplet(t.Context(), []string{hello}, "hello.Hello", t.TempDir())
	jcardsim.SkipWithoutTools(t, err)
	require.NoError(t, err)
	s := start(t, classes, "hello.Hello")
	aid := []byte("\xF0HELLO\x01")
	require.NoError(t, s.Install(t.Context(), aid, nil))
	_, err = apdu.Send(t.Context(), s, apdu.Command{INS: 0xA4, P1: 4, Data: aid})
	require.NoError(t, err)
	greeting, err := apdu.Send(t.Context(), s, apdu.Command{CLA: 0x80, INS: 2, Ne: 256})
	require.NoError(t, err)
	assert.Equal(t, "Hello, world", string(greeting))

	_, err = jcardsim.BuildApplet(t.Context(), []string{t.TempDir()}, "", t.TempDir())
	assert.ErrorContains(t, err, "has no .java file")
	_, err = jcardsim.BuildApplet(t.Context(), []string{hello, "absent.jar"}, "", t.TempDir())
	assert.ErrorContains(t, err, "absent.jar")
}

// What an applet uses and has no source of comes from a JAR file.
func TestBuildAppletWithALibrary(t *testing.T) {
	folder := t.TempDir()
	source := func(path, text string) {
		path = filepath.Join(folder, filepath.FromSlash(path))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	source("library/sums/Sums.java", `package sums;
		public class Sums { public static short twice(short n) { return (short) (n + n); } }`)
	source("src/user/User.java", `package user; import javacard.framework.*; import sums.Sums;
		public class User extends Applet {
			public static void install(byte[] b, short o, byte l) { new User().register(); }
			public void process(APDU apdu) {
				if (!selectingApplet()) { ISOException.throwIt(Sums.twice((short) 0x3456)); } } }`)
	made, err := jcardsim.BuildApplet(t.Context(),
		[]string{filepath.Join(folder, "library")}, "sums.Sums", filepath.Join(folder, "made"))
	jcardsim.SkipWithoutTools(t, err)
	require.NoError(t, err)
	require.NotZero(t, made)
	jar, err := os.Create(filepath.Join(folder, "sums.jar"))
	require.NoError(t, err)
	w := zip.NewWriter(jar)
	require.NoError(t, w.AddFS(os.DirFS(filepath.Join(folder, "made", "target", "classes"))))
	require.NoError(t, w.Close())
	require.NoError(t, jar.Close())
	classes, err := jcardsim.BuildApplet(t.Context(), []string{filepath.Join(folder, "src"),
		jar.Name()}, "user.User", filepath.Join(folder, "used"))
	require.NoError(t, err)
	s := start(t, classes, "user.User")
	aid := []byte("\xF0USER\x01")
	require.NoError(t, s.Install(t.Context(), aid, nil))
	_, err = apdu.Send(t.Context(), s, apdu.Command{INS: 0xA4, P1: 4, Data: aid})
	require.NoError(t, err)
	_, err = apdu.Send(t.Context(), s, apdu.Command{CLA: 0x80})
	assert.ErrorContains(t, err, "68AC")
}

// A fresh card begins with static fields as the sources have them, whatever the card before has
// left in its own.
func TestFreshCardHasFreshStatics(t *testing.T) {
	sources := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(sources, "own"), 0o700))
	for name, text := range map[string]string{
		"Counter.java": "package own;\nfinal class Counter { static short count = 7; }\n",
		"Own.java": `package own;
import javacard.framework.*;
public final class Own extends Applet {
    public static void install(byte[] b, short o, byte l) { new Own().register(); }
    public void process(APDU apdu) {
        if (selectingApplet()) {
            return;
        }
        Util.setShort(apdu.getBuffer(), (short) 0, Counter.count++);
        apdu.setOutgoingAndSend((short) 0, (short) 2);
    }
}
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(sources, "own", name), []byte(text), 0o600))
	}
	classes, err := jcardsim.BuildApplet(t.Context(), []string{sources}, "own.Own", t.TempDir())
	jcardsim.SkipWithoutTools(t, err)
	require.NoError(t, err)
	s := start(t, classes, "own.Own")
	for range 2 {
		require.NoError(t, s.Install(t.Context(), instanceAID, nil))
		_, err = apdu.Send(t.Context(), s, apdu.Command{INS: 0xA4, P1: 4, Data: instanceAID})
		require.NoError(t, err)
		for want := byte(7); want < 9; want++ {
			count, err := apdu.Send(t.Context(), s, apdu.Command{Ne: apdu.MaxShortNe})
			require.NoError(t, err)
			assert.Equal(t, []byte{0, want}, count)
		}
	}
}

func TestKnownFaults(t *testing.T) {
	refused := apdu.Response{SW: apdu.SWUnknown}
	other := apdu.Response{SW: apdu.OK}
	usual := apdu.Command{INS: 0xA4, P1: 4, Data: []byte("name")}
	reserved := apdu.Command{INS: 0xA4, P1: 4, P2: 0x20, Data: []byte("name")}
	for want, x := range map[string]jcardsim.Exchange{
		"":            {Card: refused, Simulator: other},
		"no firewall": {Card: refused, Simulator: other, Thrown: "SecurityException"},
		"its memory is another": {Card: other, Simulator: apdu.Response{SW: 0x6A80},
			Undone: true},
		"beginVerify": {Card: other, Simulator: apdu.Response{SW: 0x6A80},
			Recovered: true},
		"the exception's reason": {Card: refused, Simulator: apdu.Response{SW: 2}},
		"has left another session": {Card: refused, Simulator: other, Before: []apdu.Command{
			usual, reserved, {INS: 0xCA}}},
		"selects on the basic one": {Card: refused, Simulator: other, Before: []apdu.Command{
			{CLA: 1, INS: 0xA4, P1: 4, Data: []byte("name")}, usual}},
	} {
		known := jcardsim.KnownFault(x)
		assert.Contains(t, known, want)
		assert.Equal(t, want == "", known == "", known)
	}
	assert.Empty(t, jcardsim.KnownFault(jcardsim.Exchange{Card: refused, Simulator: other,
		Before: []apdu.Command{reserved, usual}}), "both have begun anew")
}

func TestBuildWithoutTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := jcardsim.Build(t.Context(), filepath.Join("..", "jcsim"), t.TempDir())
	require.ErrorIs(t, err, jcardsim.ErrNoTools)
	assert.ErrorContains(t, err, "scripts/set-up")
}

func TestBuildReportsWhatMavenSays(t *testing.T) {
	empty := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(empty, "pom.xml"), []byte("<project/>"), 0o600))
	_, err := jcardsim.Build(t.Context(), empty, t.TempDir())
	jcardsim.SkipWithoutTools(t, err)
	assert.ErrorContains(t, err, "modelVersion")
}
