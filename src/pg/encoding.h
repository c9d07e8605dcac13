// Text between the encoding of the database and UTF-8, the encoding of JSON.
#pragma once

#include <string>

#include "pg/border.h"

namespace dynpgext::pg {

// Text from another database may be in another encoding: bytes that are not valid in this
// database's encoding are shown as \xNN.
[[nodiscard]] std::string readable(std::string_view text);
// The same for text in a known other encoding: it is converted, except for characters missing in
// this database's encoding.  In a transaction.
[[nodiscard]] std::string readable(std::string_view text, int encoding);
// That of a database; this one's if there is no such database.  In a transaction.
[[nodiscard]] int encoding_of_database(Oid database);

// Raise the server's error if a character has no equivalent.
[[nodiscard]] std::string to_utf8(const std::string &text);
[[nodiscard]] std::string from_utf8(const std::string &text);

}  // namespace dynpgext::pg
