package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresDriver is PostgreSQL's driver, whose commits are answered only when the server says so
// without a warning.
type postgresDriver struct{}

// Open opens a connection.
func (d postgresDriver) Open(source string) (driver.Conn, error) {
	connector, err := d.OpenConnector(source)
	if err != nil {
		return nil, err
	}
	return connector.Connect(context.Background())
}

// OpenConnector implements driver.DriverContext.
func (d postgresDriver) OpenConnector(source string) (driver.Connector, error) {
	config, err := pgx.ParseConfig(source)
	if err != nil {
		return nil, err
	}
	return postgresConnector{d, config}, nil
}

type postgresConnector struct {
	postgresDriver
	config *pgx.ConnConfig
}

// Driver implements driver.Connector.
func (c postgresConnector) Driver() driver.Driver { return c.postgresDriver }

// Connect opens a connection.
func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	warned := new(string)
	config := c.config.Copy()
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			*warned = n.Message
		}
	}
	opened, err := stdlib.GetConnector(*config).Connect(ctx)
	if err != nil {
		return nil, err
	}
	wrapped, err := Wrap(opened)
	if err != nil {
		return nil, err
	}
	if _, err := wrapped.ExecContext(ctx, postgresDurable, nil); err != nil {
		return nil, errors.Join(err, wrapped.Close())
	}
	return &warnedConn{wrapped, warned}, nil
}

// postgresDurable has commits wait for the disk, and for a synchronous standby where there is one:
// whatever is set for the role or the database, unless it is more.
const postgresDurable = `SELECT set_config('synchronous_commit', 'on', false)
	WHERE current_setting('synchronous_commit') <> 'remote_apply'`

// warnedConn is a connection with the last warning of its server.
type warnedConn struct {
	Wrapped
	warned *string
}

// BeginTx begins a transaction.
func (c *warnedConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	inner, err := c.Connection.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return warnedTx{inner, c.warned}, nil
}

type warnedTx struct {
	driver.Tx
	warned *string
}

// Commit commits. A server whose wait for its standby was broken off, by an operator or a time
// limit, says that it has committed and warns that the standby may not have: what is answered then
// can be lost with the server. It is not answered. A connection that was lost meanwhile says
// nothing about the commit at all.
func (t warnedTx) Commit() error {
	*t.warned = ""
	var said *pgconn.PgError
	switch err := t.Tx.Commit(); {
	case err == nil:
	case errors.Is(err, errUndone) || errors.As(err, &said) && !isLost(err):
		return err
	default:
		return fmt.Errorf("it may or may not last: %w", err)
	}
	if *t.warned != "" {
		return fmt.Errorf("it may or may not last: the server warns: %s", *t.warned)
	}
	return nil
}

// postgresWrite waits for the previous writer. It is not a query, so the transaction takes its
// snapshot only afterwards. Then it writes to the log, which has its commit wait for the standby
// even when it changes nothing: a call that is repeated may only find what its first attempt has
// written, and must not answer before that lasts. A writer that has gone silent between two
// statements, with its machine, is ended by the server: others wait for it.
const postgresWrite = `SET LOCAL idle_in_transaction_session_timeout = '10s';
	LOCK TABLE store_writer IN EXCLUSIVE MODE;` + postgresMark

// postgresMark has a transaction write to the server's log, and so its commit wait for the standby.
const postgresMark = `SELECT pg_logical_emit_message(true, 'ekrona', '')`

// isForbidden reports whether our role has no right to do something.
func isForbidden(err error) bool {
	var postgres *pgconn.PgError
	return errors.As(err, &postgres) && postgres.Code == "42501" // insufficient_privilege
}

// isLost reports whether the connection to the server was lost, or the server is going down or
// coming up: a transaction whose commit was not asked for has not happened, and may be repeated.
func isLost(err error) bool {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		return strings.HasPrefix(postgres.Code, "08") || strings.HasPrefix(postgres.Code, "57P")
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &connect) || errors.As(err, &network)
}
