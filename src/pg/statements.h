// SQL statements in a background worker, executed like a client's: at the top level.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// `atomic`: in one transaction, which none of them can end; otherwise each has its own, as in psql,
// as some statements need (VACUUM, CALL of a procedure that commits).  Results are discarded.
// Outside of a transaction; after an error, the caller must abort the transaction.
// statement_timeout applies to each.  ERROR 2D000 for BEGIN, COMMIT and similar ones, 0A000 for
// COPY to or from a client.
void run_statements(const char *sql, bool atomic);

// Like DISCARD ALL, but keeps LISTEN.  Outside of a transaction.
void reset_session();

}  // namespace dynpgext::pg
