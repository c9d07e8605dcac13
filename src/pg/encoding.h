// Text between the encoding of the database and UTF-8, which JSON is in.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// What comes from another database may be in another encoding: bytes that are not valid in this
// one's are shown as \xNN.
[[nodiscard]] std::string readable(std::string_view text);
// The same of text that is in another encoding: it is converted, but for characters that this one's
// does not have.  In a transaction.
[[nodiscard]] std::string readable(std::string_view text, int encoding);
// That of a database; this one's where there is no such database.  In a transaction.
[[nodiscard]] int encoding_of_database(Oid database);

// Raise the server's error where a character has no equivalent.
[[nodiscard]] std::string to_utf8(const std::string &text);
[[nodiscard]] std::string from_utf8(const std::string &text);

}  // namespace dynpgext::pg
