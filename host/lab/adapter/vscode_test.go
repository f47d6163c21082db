package adapter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The description of VS Code's extension has what VS Code asks of one, and a launch has the
// attributes that the adapter takes, of the same types.
func TestTheVSCodeExtension(t *testing.T) {
	folder := filepath.Join("..", "vscode")
	content, err := os.ReadFile(filepath.Join(folder, "package.json"))
	require.NoError(t, err)
	var manifest struct {
		Name, Version, Publisher, Main string
		Engines                        map[string]string
		Categories, ActivationEvents   []string
		Contributes                    struct {
			Breakpoints []struct{ Language string }
			Debuggers   []struct {
				Type, Label             string
				Languages               []string
				ConfigurationAttributes map[string]struct {
					Required   []string
					Properties map[string]struct {
						Type  string
						Items struct{ Type string }
					}
				}
				InitialConfigurations []map[string]any
			}
		}
	}
	require.NoError(t, json.Unmarshal(content, &manifest))
	assert.Regexp(t, regexp.MustCompile(`^[a-z][a-z0-9-]*$`), manifest.Name)
	assert.Regexp(t, regexp.MustCompile(`^\d+\.\d+\.\d+$`), manifest.Version)
	assert.NotEmpty(t, manifest.Publisher)
	assert.Regexp(t, regexp.MustCompile(`^\^\d+\.\d+\.\d+$`), manifest.Engines["vscode"])
	assert.Equal(t, []string{"Debuggers"}, manifest.Categories)
	program, err := os.ReadFile(filepath.Join(folder, manifest.Main))
	require.NoError(t, err)

	require.Len(t, manifest.Contributes.Debuggers, 1)
	d := manifest.Contributes.Debuggers[0]
	assert.NotEmpty(t, d.Label)
	assert.Contains(t, string(program), "'"+d.Type+"'", "the factory is for the type")
	assert.Contains(t, manifest.ActivationEvents, "onDebugResolve:"+d.Type)
	for _, language := range d.Languages {
		assert.True(t, slices.ContainsFunc(manifest.Contributes.Breakpoints,
			func(b struct{ Language string }) bool { return b.Language == language }), language)
	}
	launch := d.ConfigurationAttributes["launch"]
	taken := map[string]string{"ekrona": "string"} // which the extension itself takes
	fields := reflect.TypeFor[Launch]()
	for i := range fields.NumField() {
		kind := fields.Field(i).Type.Kind().String()
		name := map[string]string{"string": "string", "bool": "boolean", "slice": "array"}[kind]
		require.NotEmpty(t, name, kind)
		taken[fields.Field(i).Tag.Get("json")] = name
	}
	offered := map[string]string{}
	for name, p := range launch.Properties {
		offered[name] = p.Type
		if p.Type == "array" {
			assert.Equal(t, "string", p.Items.Type, name)
		}
	}
	assert.Equal(t, taken, offered)
	for _, name := range launch.Required {
		assert.Contains(t, taken, name)
	}
	require.NotEmpty(t, d.InitialConfigurations)
	for name := range d.InitialConfigurations[0] {
		if !slices.Contains([]string{"type", "request", "name"}, name) {
			assert.Contains(t, taken, name)
		}
	}
}
