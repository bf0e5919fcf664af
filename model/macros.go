package model

import (
	_ "embed"
	"sync"

	"lifeline/jinja"
)

// CleanMacrosFile is how the file of CleanMacros is called in the macros of an exported dbt project.
const CleanMacrosFile = "lifeline_clean.sql"

// CleanMacros are the macros that every project has: the usual cleaning. Their text is dbt's too.
//
//go:embed macros/lifeline_clean.sql
var CleanMacros string

// shipped are the macros that every project has. A macro of the project of the same name stands over one of them.
var shipped = sync.OnceValues(func() (*jinja.Template, error) { return jinja.Parse("macros/"+CleanMacrosFile, CleanMacros) })
