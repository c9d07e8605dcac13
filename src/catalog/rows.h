// One row of each table to a value and back.  The order of columns is that of
// schema/20_tables.sql.
#pragma once

#include "model/command.h"
#include "model/registration.h"
#include "pg/relation.h"

namespace dynpgext::catalog {

[[nodiscard]] pg::values to_row(const model::extension &e);
[[nodiscard]] pg::values to_row(const model::allocation &a);
[[nodiscard]] pg::values to_row(const model::worker &w);
[[nodiscard]] pg::values to_row(const model::worker_settings &s);
[[nodiscard]] pg::values to_row(const model::command &c);
[[nodiscard]] pg::values to_row(const model::content &c);

void from_row(const pg::row &row, model::extension &into);
void from_row(const pg::row &row, model::allocation &into);
void from_row(const pg::row &row, model::worker &into);
void from_row(const pg::row &row, model::worker_settings &into);
void from_row(const pg::row &row, model::command &into);
void from_row(const pg::row &row, model::content &into);

}  // namespace dynpgext::catalog
