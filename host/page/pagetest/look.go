// Package pagetest looks at a page as its reader does, in Chromium. Start at [Look].
package pagetest

import (
	"bytes"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var titled = regexp.MustCompile(`(?s)<title>(.*?)</title>`)

// Look opens a page in a window as wide as that, in pixels, and decodes into seen what the page
// measures of itself: what the body of a function in JavaScript returns. Without Chromium the test
// is skipped, or fails where EKRONA_REQUIRE_CHROMIUM is set.
func Look(t testing.TB, page []byte, width, measuring string, seen any) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("EKRONA_REQUIRE_CHROMIUM") != "" {
			t.Fatal("EKRONA_REQUIRE_CHROMIUM is set, and chromium is not installed")
		}
		t.Skip("no chromium: apt-get install chromium")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "page.html")
	script := `<script>document.addEventListener("DOMContentLoaded", () => {` +
		`document.title = JSON.stringify((() => {` + measuring + `})()) })</script>`
	page = bytes.Replace(page, []byte("<body>"), []byte("<body>"+script), 1)
	require.NoError(t, os.WriteFile(file, page, 0o600))
	out, err := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox",
		"--disable-gpu", "--user-data-dir="+filepath.Join(folder, "profile"),
		"--window-size="+width+",900", "--dump-dom", "file://"+file).Output()
	require.NoError(t, err)
	title := titled.FindSubmatch(out)
	require.NotNil(t, title)
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(string(title[1]))), seen),
		"%s", title[1])
}
