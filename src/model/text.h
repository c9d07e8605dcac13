// Small questions about strings.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dynpgext::model {

// Of valid UTF-8, code points.
[[nodiscard]] std::size_t characters_in(std::string_view text);

// Valid UTF-8, and no control characters in it but tab, line feed and carriage return?
[[nodiscard]] bool is_readable(std::string_view bytes);

// Of text that was cut after some byte: how much of it is whole, if it is UTF-8.  No allocation.
[[nodiscard]] std::size_t whole_length(std::string_view cut) noexcept;

// Two lower-case digits for each byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view digits);

// 32 hex digits that differ between texts; the same in every build.
[[nodiscard]] std::string digest_of(std::string_view text);

// How many bytes must be inserted, removed or replaced to make one of the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace dynpgext::model
