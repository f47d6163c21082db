package jcardsim

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Of a folder with more than the applet only what it needs is compiled.
func TestSourcesThatAnAppletNeeds(t *testing.T) {
	tree := sourceTree{
		"own/Own.java": []byte("package own; import own.util.Bytes; // not other.Other\n" +
			"class Own { short a = tables.Prime.TWO; /* nor tests.Of */ }"),
		"own/Second.java":         []byte("package own; class Second { }"),
		"own/util/Bytes.java":     []byte("package own.util; import far.*;"),
		"own/util/deep/Deep.java": []byte("package own.util.deep;"),
		"far/Far.java":            []byte("package far;"),
		"tables/Prime.java":       []byte("package tables;"),
		"tests/Of.java":           []byte("package tests; import org.junit.Test; import own.Own;"),
		"other/Other.java":        []byte("package other;"),
		"y/own/Own.java":          []byte("package y.own;"),
	}
	for class, want := range map[string][]string{
		"own.Own": {"far/Far.java", "own/Own.java", "own/Second.java", "own/util/Bytes.java",
			"tables/Prime.java"},
		"other.Other":  {"other/Other.java"},
		"y.own.Own":    {"y/own/Own.java"},
		"nowhere.Here": slices.Sorted(maps.Keys(tree)),
	} {
		assert.Equal(t, want, slices.Sorted(maps.Keys(tree.neededBy(class))), class)
	}
}

// What does not compile is one line.
func TestCompilerErrors(t *testing.T) {
	assert.Equal(t, "A.java:[4,26] package org.junit does not exist (and 1 more)", compilerErrors(
		"[ERROR] COMPILATION ERROR : \n"+
			"[ERROR] /tmp/x/sources/own/A.java:[4,26] package org.junit does not exist\n"+
			"[ERROR] /tmp/x/sources/own/B.java:[7,1] cannot find symbol\n  symbol: class C\n"+
			"[ERROR] Failed to execute goal\n"+
			"[ERROR] /tmp/x/sources/own/A.java:[4,26] package org.junit does not exist\n"))
	assert.Equal(t, "A.java:[1,2] no", compilerErrors("[ERROR] C:\\x\\A.java:[1,2] no\n"))
	assert.Empty(t, compilerErrors("[ERROR] no plugin\n"))
}
