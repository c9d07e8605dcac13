// Statements of SQL in a background worker, executed as those of a client are: at the top level.
#pragma once

#include "pg/border.h"

namespace dynpgext::pg {

// `atomic`: in one transaction, which none of them can end; otherwise each has its own, as in psql,
// and may be one that needs that (VACUUM, CALL of a procedure that commits).  What they return is
// dropped.  Outside of a transaction; when an error leaves it, the transaction is to be aborted.
// statement_timeout holds for each.  ERROR 2D000 for BEGIN, COMMIT and their like, 0A000 for COPY
// to or from a client.
void run_statements(const char *sql, bool atomic);

// As DISCARD ALL, but for what is listened on.  Outside of a transaction.
void reset_session();

}  // namespace dynpgext::pg
