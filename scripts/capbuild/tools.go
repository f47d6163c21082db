package capbuild

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// What a build is made with. The converter of kit 3.2 targets 3.0.4 and runs on
// JDK 17 alone.
const (
	target       = "3.0.4"
	newestTarget = "3.0.5"
	kitFolder    = "jc320v25.1_kit"
	gpFolder     = "org.globalplatform-1.6"
	jdkMajor     = "17"

	kitRepository = "https://github.com/martinpaljak/oracle_javacard_sdks"
	kitCommit     = "3751d774dd4e6b60e813c6be61ab017e77f36570"
	gpRepository  = "https://github.com/OpenJavaCard/globalplatform-exports"
	gpCommit      = "13284a6afc8f6ed6905059172645c1e0e175953a"
	antRepository = "https://github.com/martinpaljak/ant-javacard"
	antCommit     = "b25bff208d3ef08db8500ba1140ccbbf90750ea1"
)

// ErrNoTools is what FindTools returns when something to build with is missing.
var ErrNoTools = errors.New("cannot build CAP files")

// Tools are the programs of a build, found by FindTools.
type Tools struct {
	kit  string // folder of the kit
	ant  string // ant-javacard.jar
	gp   string // folder of GlobalPlatform's export files
	java string // folder of the JDK

	Versions ToolVersions
}

// ToolVersions are the tools that a CAP file was made with.
type ToolVersions struct {
	// SHA-256 of the kit's lib/tools.jar, which holds converter, verifier and export files
	Kit         string `json:"kit"`
	Converter   string `json:"converter"`
	Verifier    string `json:"verifier"`
	JDK         string `json:"jdk"`
	AntJavacard string `json:"ant-javacard"`
}

// cacheFolder is where Fetch puts what it gets, and where FindTools looks last.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the fetched kit: %w; set HOME", err)
	}
	return filepath.Join(dir, "ekrona"), nil
}

// FindTools looks for a kit at JC_HOME, for ant-javacard.jar at ANT_JAVACARD, for both
// where Fetch puts them, and for a JDK at JAVA_HOME or on the path. The error is one
// line with what to do; it wraps ErrNoTools.
func FindTools(ctx context.Context) (*Tools, error) {
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	t := &Tools{kit: os.Getenv("JC_HOME"), ant: os.Getenv("ANT_JAVACARD"),
		gp: os.Getenv("GP_EXPORTS")}
	if t.kit == "" {
		t.kit = filepath.Join(cache, kitFolder)
	}
	if t.ant == "" {
		t.ant = filepath.Join(cache, "ant-javacard.jar")
	}
	if t.gp == "" {
		t.gp = filepath.Join(cache, gpFolder)
	}
	if _, err := os.Stat(t.library("tools.jar")); err != nil {
		return nil, fmt.Errorf("%w: no Java Card kit at %s; set JC_HOME to Oracle kit 3.2 or run "+
			"scripts/build-applet --fetch", ErrNoTools, t.kit)
	}
	if _, err := os.Stat(t.ant); err != nil {
		return nil, fmt.Errorf("%w: no ant-javacard at %s; set ANT_JAVACARD to ant-javacard.jar "+
			"or run scripts/build-applet --fetch", ErrNoTools, t.ant)
	}
	if _, err := os.Stat(t.globalPlatform("exports")); err != nil {
		return nil, fmt.Errorf("%w: no export files of org.globalplatform at %s; set GP_EXPORTS "+
			"to the folder %s or run scripts/build-applet --fetch", ErrNoTools, t.gp, gpFolder)
	}
	if err := t.findJDK(ctx); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("ant"); err != nil {
		return nil, fmt.Errorf("%w: Apache Ant is not installed; install the package ant",
			ErrNoTools)
	}
	return t, t.readVersions(ctx)
}

// globalPlatform returns the path of a file of GlobalPlatform's API.
func (t *Tools) globalPlatform(name string) string {
	return filepath.Join(t.gp, filepath.FromSlash(name))
}

func (t *Tools) library(name string) string { return filepath.Join(t.kit, "lib", name) }

// findJDK takes JAVA_HOME, else the JDK of the javac on the path.
func (t *Tools) findJDK(ctx context.Context) error {
	t.java = os.Getenv("JAVA_HOME")
	if t.java == "" {
		javac, err := exec.LookPath("javac")
		if err == nil {
			javac, err = filepath.EvalSymlinks(javac)
		}
		if err != nil {
			return fmt.Errorf("%w: no Java compiler; install JDK %s or set JAVA_HOME to one",
				ErrNoTools, jdkMajor)
		}
		t.java = filepath.Dir(filepath.Dir(javac))
	}
	out, err := exec.CommandContext(ctx, filepath.Join(t.java, "bin", "javac"),
		"-version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: no Java compiler in %s; set JAVA_HOME to JDK %s", ErrNoTools, t.java,
			jdkMajor)
	}
	t.Versions.JDK = strings.TrimSpace(strings.TrimPrefix(string(out), "javac"))
	if !strings.HasPrefix(t.Versions.JDK, jdkMajor+".") {
		return fmt.Errorf("%w: %s is JDK %s, and the converter runs on JDK %s alone; set JAVA_HOME",
			ErrNoTools, t.java, t.Versions.JDK, jdkMajor)
	}
	return nil
}

var versionInBrackets = regexp.MustCompile(`\[(v[^\]]+)\]`)

// kitTool is a command that runs a main class of the kit.
func (t *Tools) kitTool(ctx context.Context, class string, arguments ...string) *exec.Cmd {
	arguments = append([]string{"-cp", t.library("*"), class}, arguments...)
	return exec.CommandContext(ctx, filepath.Join(t.java, "bin", "java"), arguments...)
}

func (t *Tools) readVersions(ctx context.Context) error {
	for class, version := range map[string]*string{
		converterClass: &t.Versions.Converter,
		verifierClass:  &t.Versions.Verifier,
	} {
		out, _ := t.kitTool(ctx, class, "-version").CombinedOutput()
		match := versionInBrackets.FindSubmatch(out)
		if match == nil {
			return fmt.Errorf("%w: the kit at %s has no %s, which holds its version; set JC_HOME "+
				"to Oracle kit 3.2", ErrNoTools, t.kit, class)
		}
		*version = string(match[1])
	}
	jar, err := os.ReadFile(t.library("tools.jar"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoTools, err)
	}
	t.Versions.Kit = digest(jar)
	t.Versions.AntJavacard, err = jarVersion(t.ant)
	return err
}

// jarVersion returns the Implementation-Version of a JAR file's manifest.
func jarVersion(path string) (string, error) {
	jar, err := zip.OpenReader(path)
	if err != nil {
		return "", fmt.Errorf("%w: %s is no JAR file: %w", ErrNoTools, path, err)
	}
	defer jar.Close()
	manifest, err := jar.Open("META-INF/MANIFEST.MF")
	if err != nil {
		return "", fmt.Errorf("%w: %s has no manifest; set ANT_JAVACARD to ant-javacard.jar",
			ErrNoTools, path)
	}
	defer manifest.Close()
	for lines := bufio.NewScanner(manifest); lines.Scan(); {
		if version, ok := strings.CutPrefix(lines.Text(), "Implementation-Version: "); ok {
			return version, nil
		}
	}
	return "", fmt.Errorf("%w: %s names no version; set ANT_JAVACARD to ant-javacard.jar",
		ErrNoTools, path)
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
