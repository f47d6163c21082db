package main

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"runtime/debug"

	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
)

// version says of what this program was made, and which applet it loads onto cards.
func version() string {
	build, _ := debug.ReadBuildInfo()
	return fmt.Sprintf("ekrona %s, %s %s/%s\napplet %d.%d, messages of version %d, SHA-256 of "+
		"the CAP file %x\n", revision(build), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		spec.Version>>8, spec.Version&0xFF, spec.MessageVersion, sha256.Sum256(applet.CAP))
}

// revision names the sources of a program: the commit, or the version of the module where that is
// all that is known.
func revision(build *debug.BuildInfo) string {
	if build == nil {
		return "of unknown sources"
	}
	settings := map[string]string{}
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	switch {
	case commit == "":
		return build.Main.Version
	case settings["vcs.modified"] == "true":
		return commit + " with changes"
	default:
		return commit + " of " + settings["vcs.time"]
	}
}
