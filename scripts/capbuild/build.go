package capbuild

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	converterClass = "com.sun.javacard.converter.Main"
	verifierClass  = "com.sun.javacard.offcardverifier.Verifier"
)

// Build builds the packages, and what they import, from the sources in root. CAP
// files and manifests of the packages go to out at the paths that they have in
// the repository; out is root to renew what is committed. Every CAP file has
// passed the off-card verifier before it is written.
func Build(
	ctx context.Context, tools *Tools, root, out string, packages []Package,
) ([]*Manifest, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	work, err := os.MkdirTemp("", "capbuild-")
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	defer os.RemoveAll(work)
	b := builder{tools: tools, root: root, work: work}
	var manifests []*Manifest
	for _, p := range withImports(packages) {
		sources, err := b.inUTF8(p)
		if err != nil {
			return nil, err
		}
		archive, err := b.convert(ctx, p, sources, optionsOf(p))
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(packages,
			func(wanted Package) bool { return wanted.Name == p.Name }) {
			continue
		}
		m, err := b.finish(ctx, out, p, sources, archive)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, m)
	}
	return manifests, nil
}

type builder struct {
	tools      *Tools
	root, work string
}

func (b *builder) export(name string) string { return filepath.Join(b.work, "export", name) }

// The build file of ant-javacard.
type (
	antProject struct {
		XMLName xml.Name `xml:"project"`
		Default string   `xml:"default,attr"`
		Task    antTask  `xml:"taskdef"`
		Target  antTarget
	}
	antTask struct {
		Name      string `xml:"name,attr"`
		Class     string `xml:"classname,attr"`
		Classpath string `xml:"classpath,attr"`
	}
	antTarget struct {
		XMLName xml.Name `xml:"target"`
		Name    string   `xml:"name,attr"`
		Task    antJavacard
	}
	antJavacard struct {
		XMLName xml.Name `xml:"javacard"`
		Kit     string   `xml:"jckit,attr"`
		CAP     antCAP   `xml:"cap"`
	}
	antCAP struct {
		Target  string      `xml:"targetsdk,attr"`
		Package string      `xml:"package,attr"`
		AID     string      `xml:"aid,attr"`
		Version string      `xml:"version,attr"`
		Sources string      `xml:"sources,attr"`
		Include string      `xml:"includes,attr,omitempty"`
		Output  string      `xml:"output,attr"`
		Export  string      `xml:"export,attr"`
		Ints    bool        `xml:"ints,attr"`
		Debug   bool        `xml:"debug,attr"`
		Verify  bool        `xml:"verify,attr"`
		Applets []antApplet `xml:"applet"`
		Imports []antImport `xml:"import"`
	}
	antApplet struct {
		Class string `xml:"class,attr"`
		AID   string `xml:"aid,attr"`
	}
	antImport struct {
		Exports string `xml:"exps,attr"`
		Jar     string `xml:"jar,attr"`
	}
)

func optionsOf(p Package) Options {
	options := Options{Target: p.Target, Ints: p.Ints}
	if p.Target == "" {
		options.Target = target
	}
	return options
}

func (b *builder) sources(p Package) string {
	return filepath.Join(b.root, filepath.FromSlash(p.Sources))
}

// convert runs ant-javacard for one package, in a process of its own: the kit's
// converter loses its messages when it runs twice in one.
func (b *builder) convert(
	ctx context.Context, p Package, sources string, options Options,
) (*Archive, error) {
	output := filepath.Join(b.work, p.Name+".cap")
	caps := antCAP{
		Target: options.Target, Package: p.Name, AID: p.AID, Version: p.Version,
		Sources: sources, Include: ownFiles(sources, p.Name), Output: output,
		Export: b.export(p.Name),
		Ints:   options.Ints, Debug: options.Debug, Verify: false, // the finished file is verified
	}
	for _, a := range p.Applets {
		caps.Applets = append(caps.Applets, antApplet(a))
	}
	for _, name := range p.Imports {
		caps.Imports = append(caps.Imports, antImport{
			Exports: b.export(name), Jar: filepath.Join(b.export(name), lastPart(name)+".jar"),
		})
	}
	for _, l := range p.Libraries {
		caps.Imports = append(caps.Imports, antImport{
			Exports: filepath.Join(b.root, filepath.FromSlash(l.Exports)),
			Jar:     filepath.Join(b.root, filepath.FromSlash(l.JAR))})
	}
	if p.GlobalPlatform {
		caps.Imports = append(caps.Imports, antImport{Exports: b.tools.globalPlatform("exports"),
			Jar: b.tools.globalPlatform("gpapi-globalplatform.jar")})
	}
	text, err := xml.MarshalIndent(antProject{
		Default: "cap",
		Task: antTask{Name: "javacard", Class: "pro.javacard.ant.JavaCard",
			Classpath: b.tools.ant},
		Target: antTarget{Name: "cap", Task: antJavacard{Kit: b.tools.kit, CAP: caps}},
	}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Name, err)
	}
	script := filepath.Join(b.work, p.Name+".xml")
	if err := os.WriteFile(script, text, 0o644); err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Name, err)
	}
	cmd := exec.CommandContext(ctx, "ant", "-f", script)
	cmd.Env = append(os.Environ(), "JAVA_HOME="+b.tools.java, "JC_HOME="+b.tools.kit)
	if log, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: ant-javacard failed (%w); output:\n%s", p.Name, err, log)
	}
	file, err := os.ReadFile(output)
	if err != nil {
		return nil, fmt.Errorf("build %s: ant-javacard left no CAP file: %w", p.Name, err)
	}
	return ReadArchive(file)
}

// ownFiles is the pattern of a package's files below the folder above it, "" where they are in no
// folder of its name. Of other packages the compiler takes what these use: a folder of sources
// often has other applets and tests beside.
func ownFiles(sources, name string) string {
	folder := strings.ReplaceAll(name, ".", "/")
	own, err := filepath.Glob(filepath.Join(sources, filepath.FromSlash(folder), "*.java"))
	if err != nil || len(own) == 0 {
		return ""
	}
	return folder + "/*.java"
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// finish writes the archive in its final form, has it verified, and writes CAP
// file and manifest to out.
func (b *builder) finish(
	ctx context.Context, out string, p Package, from string, archive *Archive,
) (*Manifest, error) {
	file, err := archive.Bytes()
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", p.Name, err)
	}
	verdict, err := b.verify(ctx, p, file)
	if err != nil {
		return nil, err
	}
	sources, err := sourceFiles(b.root, p)
	if err != nil {
		return nil, err
	}
	m := &Manifest{
		Package: p, CAP: describe(filepath.Base(p.CAP), file),
		Components: describeAll(archive.Components),
		Sources:    sources, Tools: b.tools.Versions, Options: optionsOf(p), Verifier: verdict,
	}
	if err := b.writeLines(ctx, out, p, from, archive); err != nil {
		return nil, err
	}
	path := filepath.Join(out, filepath.FromSlash(p.CAP))
	if err := writeFile(path, file); err != nil {
		return nil, err
	}
	return m, m.write(filepath.Join(out, filepath.FromSlash(p.ManifestFile())))
}

const verdictStart = "Verification completed with"

func verifierPassed(verdict string) bool {
	return strings.HasPrefix(verdict, verdictStart) && strings.HasSuffix(verdict, " and 0 errors.")
}

// verify runs the kit's off-card verifier on a finished CAP file and returns its last
// line. The verifier's exit code has no meaning; its output shows the result.
func (b *builder) verify(ctx context.Context, p Package, file []byte) (string, error) {
	path := filepath.Join(b.work, "finished-"+filepath.Base(p.CAP))
	if err := os.WriteFile(path, file, 0o644); err != nil {
		return "", fmt.Errorf("verify %s: %w", p.Name, err)
	}
	arguments := []string{"-nobanner", "-target", optionsOf(p).Target}
	if p.GlobalPlatform {
		arguments = append(arguments,
			b.tools.globalPlatform("exports/org/globalplatform/javacard/globalplatform.exp"))
	}
	for _, l := range p.Libraries {
		files, err := l.exportFiles(b.root)
		if err != nil {
			return "", fmt.Errorf("verify %s: %w", p.Name, err)
		}
		arguments = append(arguments, files...)
	}
	for _, name := range slices.Concat(p.Imports, []string{p.Name}) {
		export := filepath.Join(b.export(name),
			filepath.FromSlash(strings.ReplaceAll(name, ".", "/")), "javacard",
			lastPart(name)+".exp")
		if _, err := os.Stat(export); err == nil { // an applet that shares nothing has none
			arguments = append(arguments, export)
		}
	}
	log, err := b.tools.kitTool(ctx, verifierClass, append(arguments, path)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("verify %s: the off-card verifier failed (%w); output:\n%s", p.Name,
			err, log)
	}
	for line := range bytes.Lines(log) {
		text := strings.TrimSpace(string(line))
		if i := strings.Index(text, verdictStart); i >= 0 && verifierPassed(text[i:]) {
			return text[i:], nil
		}
	}
	return "", fmt.Errorf("verify %s: the off-card verifier refused it; output:\n%s", p.Name, log)
}

// writeFile replaces a file as a whole.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
