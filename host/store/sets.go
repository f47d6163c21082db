package store

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Type is the type of a column, in the words of migrations.
type Type string

// The types.
const (
	Text    Type = "text"
	BigInt  Type = "bigint"
	Bytes   Type = "bytea"
	Boolean Type = "boolean"
)

// Field is one column of a set.
type Field struct {
	Name string
	Type Type
}

// Set is rows of values, in the order of its columns: string, int64, []byte, bool, or nil for null.
type Set struct {
	Columns []Field
	Rows    [][]any
}

// Add adds a row.
func (s *Set) Add(values ...any) { s.Rows = append(s.Rows, values) }

// Sort orders the rows by their first column, which is text: for rows that come from a map.
func (s *Set) Sort() {
	slices.SortFunc(s.Rows, func(a, b []any) int {
		return strings.Compare(fmt.Sprint(a[0]), fmt.Sprint(b[0]))
	})
}

// names returns the columns' names, each formatted by form.
func (s *Set) names(form, between string) string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = strings.ReplaceAll(form, "?", c.Name)
	}
	return strings.Join(names, between)
}

// places returns placeholders from the first on, with types where they are arrays.
func (s *Set) places(arrays bool) string {
	places := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		places[i] = "$" + strconv.Itoa(i+1)
		if arrays {
			places[i] += "::" + string(c.Type) + "[]"
		}
	}
	return strings.Join(places, ", ")
}

// arrays returns one array for each column.
func (s *Set) arrays() ([]any, error) {
	all := make([]any, len(s.Columns))
	for i, c := range s.Columns {
		var err error
		switch c.Type {
		case Text:
			all[i], err = array[string](s.Rows, i)
		case BigInt:
			all[i], err = array[int64](s.Rows, i)
		case Boolean:
			all[i], err = array[bool](s.Rows, i)
		case Bytes:
			all[i], err = bytesArray(s.Rows, i)
		default:
			err = fmt.Errorf("there are no columns of type %q", c.Type)
		}
		if err != nil {
			return nil, Failed(fmt.Errorf("column %s: %w", c.Name, err))
		}
	}
	return all, nil
}

// array returns the values of a column: pointers where there is a null, and else the values, which
// the driver encodes in half the time.
func array[T any](rows [][]any, column int) (any, error) {
	values := make([]T, len(rows))
	var pointers []*T
	for i, row := range rows {
		if row[column] == nil {
			if pointers == nil {
				pointers = make([]*T, len(rows))
			}
			continue
		}
		value, fits := row[column].(T)
		if !fits {
			return nil, fmt.Errorf("value %v is a %[1]T", row[column])
		}
		values[i] = value
	}
	if pointers == nil {
		return values, nil
	}
	for i, row := range rows {
		if row[column] != nil {
			pointers[i] = &values[i]
		}
	}
	return pointers, nil
}

func bytesArray(rows [][]any, column int) ([][]byte, error) {
	all := make([][]byte, len(rows))
	for i, row := range rows {
		value, fits := row[column].([]byte)
		if !fits && row[column] != nil {
			return nil, fmt.Errorf("value %v is a %[1]T", row[column])
		}
		all[i] = value
	}
	return all, nil
}

// Insert inserts the rows in their order: by one statement on PostgreSQL, which copies them if they
// are many, by one that stays prepared for each row on SQLite.
func (s *Set) Insert(ctx context.Context, tx *sql.Tx, d Dialect, table string) error {
	if d == PostgreSQL && len(s.Rows) >= many {
		return s.copyIn(ctx, tx, table)
	}
	into := "INSERT INTO " + table + " (" + s.names("?", ", ") + ") "
	if d == PostgreSQL {
		return s.exec(ctx, tx, d, into+"SELECT * FROM unnest("+s.places(true)+")")
	}
	return s.exec(ctx, tx, d, into+"VALUES ("+s.places(false)+")")
}

// Update sets the other columns of the rows that have the values of the first columns, the keys.
func (s *Set) Update(ctx context.Context, tx *sql.Tx, d Dialect, table string, keys int) error {
	key, others := &Set{Columns: s.Columns[:keys]}, &Set{Columns: s.Columns[keys:]}
	set := "UPDATE " + table + " SET "
	if d == PostgreSQL {
		return s.exec(ctx, tx, d, set+others.names("? = k.?", ", ")+" FROM unnest("+
			s.places(true)+") AS k("+s.names("?", ", ")+") WHERE "+
			key.names(table+".? = k.?", " AND "))
	}
	last := &Set{Columns: slices.Concat(others.Columns, key.Columns)}
	for _, row := range s.Rows {
		last.Rows = append(last.Rows, slices.Concat(row[keys:], row[:keys]))
	}
	n := 0
	numbered := func(columns []Field) []string {
		all := make([]string, len(columns))
		for i, c := range columns {
			n++
			all[i] = c.Name + " = $" + strconv.Itoa(n)
		}
		return all
	}
	return last.exec(ctx, tx, d, set+strings.Join(numbered(others.Columns), ", ")+" WHERE "+
		strings.Join(numbered(key.Columns), " AND "))
}

// exec executes a statement for the rows.
func (s *Set) exec(ctx context.Context, tx *sql.Tx, d Dialect, statement string) error {
	return s.each(d, func(args []any) error { return Exec(ctx, tx, statement, args...) })
}

// many is how many rows a statement on PostgreSQL is planned anew for, and copied. What is kept
// prepared may have been planned when its tables were small, and then reads the whole of them for
// each row.
const many = 32

// each calls do with the arguments of a statement: on PostgreSQL once, with an array for each
// column, on SQLite for each row; without rows not at all.
func (s *Set) each(d Dialect, do func(args []any) error) error {
	if len(s.Rows) == 0 {
		return nil
	}
	if d == PostgreSQL {
		arrays, err := s.arrays()
		if err != nil {
			return err
		}
		if len(s.Rows) >= many {
			arrays = append([]any{pgx.QueryExecModeCacheDescribe}, arrays...)
		}
		return do(arrays)
	}
	for _, row := range s.Rows {
		if err := do(row); err != nil {
			return err
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

// Find calls do for every row that a query finds for one of the rows of the set, which are its
// placeholders $1, $2, ...: by one statement on PostgreSQL, by one that stays prepared for each on
// SQLite. do must not use q.
func (s *Set) Find(
	ctx context.Context, q Queryer, d Dialect, do func(Row) error, query string,
) error {
	return s.each(d, func(args []any) error {
		if d == PostgreSQL {
			return Each(ctx, q, do, s.forAll(query), args...)
		}
		return Each(ctx, q, do, query, args...)
	})
}

// forAll is a query for one row of the set as one for all, on PostgreSQL.
func (s *Set) forAll(query string) string {
	one := placeholder.ReplaceAllStringFunc(query, func(place string) string {
		n, err := strconv.Atoi(place[1:])
		if err != nil || n < 1 || n > len(s.Columns) {
			return place
		}
		return "k." + s.Columns[n-1].Name
	})
	// OFFSET: once for each key, by index
	return "SELECT found.* FROM unnest(" + s.places(true) + ") AS k(" + s.names("?", ", ") +
		") CROSS JOIN LATERAL (" + one + " OFFSET 0) AS found"
}
