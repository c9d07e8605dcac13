// Small string functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dynpgext::model {

// Of valid UTF-8, code points.
[[nodiscard]] std::size_t characters_in(std::string_view text);

// Valid UTF-8, without control characters except tab, line feed and carriage return?
[[nodiscard]] bool is_readable(std::string_view bytes);

// For text truncated after some byte: the length of its complete characters, as UTF-8.  No
// allocation.
[[nodiscard]] std::size_t whole_length(std::string_view cut) noexcept;

// An SQL string constant, in one line, that is the text with any standard_conforming_strings.
[[nodiscard]] std::string sql_literal(std::string_view text);

// Two lower-case digits for each byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view digits);

// 32 hex digits that differ between texts; the same in every build.
[[nodiscard]] std::string digest_of(std::string_view text);

// Number of bytes to insert, remove or replace to turn one into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace dynpgext::model
