package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRevisionNamesTheSources(t *testing.T) {
	build := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}
	assert.Equal(t, "of unknown sources", revision(nil))
	assert.Equal(t, "v1.2.3", revision(build))
	build.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "0a1b"},
		{Key: "vcs.time", Value: "2026-11-30T20:00:00Z"}, {Key: "vcs.modified", Value: "false"}}
	assert.Equal(t, "0a1b of 2026-11-30T20:00:00Z", revision(build))
	build.Settings[2].Value = "true"
	assert.Equal(t, "0a1b with changes", revision(build))
}
