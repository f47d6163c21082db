package globalplatform

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
)

// The whole life of an applet over every kind of channel, with the card's program
// dying after every step.
func TestLifeOfAnApplet(t *testing.T) {
	for _, o := range []scp03.Options{
		{Level: scp03.Plain}, {Level: scp03.CMAC}, {Level: scp03.CMACEncryption},
		{Level: scp03.CMACRMAC},
		{Level: scp03.CMACEncryptionRMAC}, {Level: scp03.Full}, {Level: scp03.CMAC, S16: true},
		{Level: scp03.Full, S16: true},
	} {
		t.Run(fmt.Sprintf("%v S16=%v", o.Level, o.S16), func(t *testing.T) {
			b := newBench(t)
			contents, err := b.open(o).List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, gpc.OPReady, contents.Domain.LifeCycle)
			assert.Equal(t, domainAID, contents.Domain.AID)
			assert.Empty(t, contents.Applications)
			assert.Empty(t, contents.LoadFiles)

			loadProbe(t, b.open(o))
			b.reopen()
			require.NoError(t, b.open(o).Install(t.Context(),
				gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance}))
			b.reopen()
			contents, err = b.open(o).List(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []gpc.Entry{{
				AID: coreInstance, LifeCycle: gpc.Selectable, LoadFile: corePackage,
				Domain: domainAID,
			}}, contents.Applications)
			require.Len(t, contents.LoadFiles, 2)
			assert.Equal(t, [][]byte{coreModule}, contents.LoadFiles[1].Modules)
			assert.Equal(t, "9000", b.exchange("00A4040007F050524F42020A"))

			c := b.open(o)
			assert.ErrorIs(t, c.Delete(t.Context(), corePackage, false), apdu.SWConditions)
			assert.ErrorIs(t, c.Delete(t.Context(), libPackage, true), apdu.SWConditions)
			require.NoError(t, c.Delete(t.Context(), corePackage, true))
			require.NoError(t, c.Delete(t.Context(), libPackage, false))
			assert.ErrorIs(t, c.Delete(t.Context(), libPackage, false), apdu.SWNotFound)
			b.reopen()
			contents, err = b.open(o).List(t.Context())
			require.NoError(t, err)
			assert.Empty(t, contents.LoadFiles)
		})
	}
}

// An applet that was installed only is not there for SELECT until it is made
// selectable, nor one that is locked.
func TestLifeCyclesOfApplets(t *testing.T) {
	const (
		selectCore = "00A4040007F050524F42020A"
		forInstall = "06F050524F4202 07F050524F420201 07F050524F42020A 0100 02C900 00"
		makeIt     = "0000 07F050524F42020A 01%s 00 00"
	)
	b := plain(t)
	loadProbe(t, b.open(scp03.Options{}))
	again := func() { b.open(scp03.Options{}) } // SELECT of an applet ended the session
	assert.Equal(t, "009000", b.send("80E60400", forInstall))
	assert.Equal(t, "6A82", b.exchange(selectCore))
	again()
	b.reopen()
	assert.Equal(t, "6A82", b.exchange(selectCore), "also after a restart")
	again()
	assert.Equal(t, "6985", b.send("80E60400", forInstall), "its AID is taken")
	assert.Equal(t, "009000", b.send("80E60800", fmt.Sprintf(makeIt, "00")))
	assert.Equal(t, "6985", b.send("80E60800", fmt.Sprintf(makeIt, "00")), "it is selectable")
	assert.Equal(t, "9000", b.exchange(selectCore))
	again()
	const lock, unlock = "80F0408007F050524F42020A", "80F0400707F050524F42020A"
	assert.Equal(t, "6985", b.exchange(unlock), "it is not locked")
	assert.Equal(t, "9000", b.exchange(lock))
	assert.Equal(t, "6985", b.exchange(lock))
	assert.Equal(t, "6A82", b.exchange(selectCore))
	again()
	assert.Equal(t, "9000", b.exchange(unlock))
	assert.Equal(t, "6A88", b.exchange("80F0408005F000000000"))
	assert.Equal(t, "9000", b.exchange("80F0608008A000000151000000"), "all of the domain's")
	assert.Equal(t, "6A82", b.exchange(selectCore))
	again()
	assert.Equal(t, "9000", b.exchange("80F0600008A000000151000000"))
	assert.Equal(t, "9000", b.exchange(selectCore))
	again()

	// The default applet is selected when the card gets power, and the security
	// domain again when it is deleted.
	assert.Equal(t, "009000", b.send("80E60800", fmt.Sprintf(makeIt, "04")))
	b.reopen()
	assert.Equal(t, coreInstance, []byte(b.card.Selected()))
	assert.NotEqual(t, "6A88", b.exchange("80CA9F7F00"), "it is the applet that answers")
	again()
	assert.Equal(t, "009000", b.send("80E40000", "4F07F050524F42020A"))
	require.NoError(t, b.Reset())
	assert.Contains(t, b.exchange("80CA9F7F00"), "9F7F2A4790")
}

// An installation that is refused takes the default from no other applet.
func TestRefusedInstallationsTakeNothing(t *testing.T) {
	b := newBench(t)
	c := b.open(scp03.Options{Level: scp03.CMAC})
	loadProbe(t, c)
	f := gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance,
		Privileges: gpc.PrivilegeCardReset}
	require.NoError(t, c.Install(t.Context(), f))
	before := b.view()
	f.Instance = append(coreInstance[:6:6], 0x0B)
	f.Parameters = make([]byte, 120) // more than install() takes
	require.ErrorIs(t, c.Install(t.Context(), f), apdu.SWWrongData)
	assert.Equal(t, before, b.view())
	f.Parameters = nil
	require.NoError(t, c.Install(t.Context(), f))
	assert.Zero(t, b.state.app(coreInstance).privileges)
	require.NoError(t, b.Reset())
	assert.Equal(t, f.Instance, []byte(b.card.Selected()))
}

// The card's life cycle goes along figure 5-1 of GPC 2.3.1, and what a locked or
// terminated card still does is §5.1.1.
func TestLifeCycleOfTheCard(t *testing.T) {
	b := plain(t)
	loadProbe(t, b.open(scp03.Options{}))
	require.NoError(t, b.open(scp03.Options{}).Install(t.Context(),
		gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance}))
	status := func(to gpc.LifeCycle) string {
		return b.exchange(fmt.Sprintf("80F080%02X",
			byte(to)))
	}
	for _, step := range []struct {
		to   gpc.LifeCycle
		want string
	}{
		{gpc.Secured, "6985"}, {gpc.OPReady, "6985"}, {gpc.Initialized, "9000"},
		{gpc.CardLocked, "6985"}, {gpc.Secured, "9000"},
		{gpc.Initialized, "6985"}, {gpc.CardLocked, "9000"}, {0x55, "6985"},
	} {
		assert.Equal(t, step.want, status(step.to), "%02X", byte(step.to))
	}
	assert.Equal(t, "6A81", b.exchange("00A4040007F050524F42020A"))
	b.reopen()
	answer := b.exchange("00A4040000")
	assert.Equal(t, "6283", answer[len(answer)-4:])
	b.open(scp03.Options{})
	assert.Equal(t, "6985", b.send("80E40000", "4F06F050524F4201"))
	assert.Contains(t, b.exchange("80F28002024F0000"), "9F70017F")
	assert.Equal(t, "9000", status(gpc.Secured))
	assert.Equal(t, "9000", b.exchange("00A4040007F050524F42020A"))
	b.open(scp03.Options{})
	assert.Equal(t, "9000", status(gpc.Terminated))
	assert.Equal(t, "6985", b.exchange("00A4040000"))
	assert.Equal(t, "6985", status(gpc.Secured))
	assert.Contains(t, b.exchange("80CA9F7F00"), "9F7F2A4790")
	b.reopen()
	assert.Equal(t, "6985", b.send("80500000", "0102030405060708"))
}

// Power that fails before any write of a command leaves the card as before the command
// or as after it, without the answer; an applet that must not be selectable never is. A
// command that was cut off can be given again.
func TestCutsEverywhere(t *testing.T) {
	install, err := gpc.ForInstall{LoadFile: corePackage, Module: coreModule,
		Instance: coreInstance}.Encode()
	require.NoError(t, err)
	lib, err := gpc.AppendLoadFile(nil, block(t, "lib"))
	require.NoError(t, err)
	loaded := func(b *bench) { loadProbe(b.t, b.open(scp03.Options{})) }
	installed := func(b *bench) {
		loaded(b)
		require.NoError(t, b.open(scp03.Options{}).Install(t.Context(), gpc.ForInstall{
			LoadFile: corePackage, Module: coreModule, Instance: coreInstance,
			Privileges: gpc.PrivilegeCardReset,
		}))
	}
	otherDefault := func(b *bench) {
		loaded(b)
		require.NoError(t, b.open(scp03.Options{}).Install(t.Context(), gpc.ForInstall{
			LoadFile: corePackage, Module: coreModule, Instance: append(coreInstance[:6:6], 0x0B),
			Privileges: gpc.PrivilegeCardReset,
		}))
	}
	for name, c := range map[string]struct {
		before  func(b *bench)
		prepare string // header and data, before each try
		command apdu.Command
		partly  bool // the command does several things that may be left between
	}{
		"load": {func(*bench) {}, "06F050524F4201 00 00 00",
			apdu.Command{INS: gpc.InsLoad, P1: gpc.LastBlock, Data: lib}, false},
		"install": {loaded, "", apdu.Command{INS: gpc.InsInstall, P1: gpc.InstallInstall,
			Data: install}, false},
		"new default": {otherDefault, "",
			apdu.Command{INS: gpc.InsInstall, P1: gpc.InstallInstall | gpc.InstallMakeSelectable,
				Data: bytes.Replace(install, []byte{3, 0, 0, 0}, []byte{3, 4, 0, 0}, 1)}, false},
		"selectable": {loaded, "",
			apdu.Command{INS: gpc.InsInstall, P1: gpc.InstallInstall | gpc.InstallMakeSelectable,
				Data: install}, false},
		"delete": {installed, "",
			apdu.Command{INS: gpc.InsDelete, Data: append([]byte{0x4F, 7}, coreInstance...)},
			false},
		"delete both": {installed, "", apdu.Command{INS: gpc.InsDelete, P2: gpc.DeleteRelated,
			Data: append([]byte{0x4F, 6}, corePackage...)}, true},
		"lock": {installed, "",
			apdu.Command{INS: gpc.InsSetStatus, P1: gpc.StatusApplications, P2: 0x80,
				Data: coreInstance}, false},
	} {
		t.Run(name, func(t *testing.T) {
			try := func(b *bench, cut int) error {
				session := b.open(scp03.Options{Level: scp03.Plain})
				if c.prepare != "" {
					require.Equal(t, "009000", b.send("80E60200", c.prepare))
				}
				c.command.CLA, c.command.Ne = gpc.ClassPlain, 256
				b.CutBefore(cut)
				r, err := session.Card().Transmit(t.Context(), c.command)
				if err == nil {
					require.Equal(t, apdu.OK, r.SW)
				}
				return err
			}
			b := newBench(t)
			c.before(b)
			before := b.view()
			require.NoError(t, try(b, 0))
			after := b.view()
			require.NotEqual(t, before, after)
			b.reopen()
			require.Equal(t, after, b.view())

			b = newBench(t)
			c.before(b)
			cuts := 0
			for n := 1; b.view() != after; n++ {
				if err = try(b, n); err == nil {
					break
				}
				require.ErrorIs(t, err, card.ErrPowerLost)
				cuts++
				require.NoError(t, b.Reset())
				if view := b.view(); view != before && view != after {
					require.True(t, c.partly, view)
				}
			}
			assert.Equal(t, after, b.view())
			assert.Positive(t, cuts)
			b.reopen()
			assert.Equal(t, after, b.view())
		})
	}
}
