// The only user of nlohmann/json.  Its parser emits events and keeps its own stack on the heap, so
// the depth is limited here before anything is nested that deep.  Quotes of the document, which may
// not be UTF-8, are removed from its messages.
#include "model/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace dynpgext::model::json {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view replacement_character = "\xef\xbf\xbd";  // U+FFFD

// Total size of faults: each has a pointer, and names may be long.
constexpr std::size_t max_fault_bytes = 1 << 16;

// "[json.exception.parse_error.101] parse error at line 1, column 3: syntax error while parsing
// value - unexpected end of input; expected '[', '{', or a literal" without its beginning, and
// without "; last read: '...'".
std::string message_of(const char *what) {
  std::string_view text = what;
  if (const auto quoted = text.find("; last read: '"); quoted != text.npos)
    text = text.substr(0, quoted);
  for (const std::string_view before : {"] ", ": ", "syntax error "})
    if (const auto at = text.find(before); at != text.npos) text.remove_prefix(at + before.size());
  return std::string(text);
}

class builder final : public nlohmann::json_sax<ordered_json> {
 public:
  builder(parsed &result, const limits &within) : result_(result), within_(within) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool b) override { return add(b); }
  bool number_integer(number_integer_t n) override { return add(std::int64_t{n}); }
  bool number_unsigned(number_unsigned_t n) override {
    if (n > number_unsigned_t{std::numeric_limits<std::int64_t>::max()})
      return add(real{static_cast<double>(n)});
    return add(static_cast<std::int64_t>(n));
  }
  bool number_float(number_float_t n, const std::string &text) override {
    // an integer just below the range of int64 must not become the minimum
    constexpr double least = -0x1p63;
    if (n == least && text.find_first_of(".eE") == text.npos)
      n = std::nextafter(n, -std::numeric_limits<double>::infinity());
    return add(real{n});
  }
  bool string(std::string &text) override { return add(without_nul(text)); }
  bool binary(binary_t & /*bytes*/) override { return false; }  // never in JSON text

  bool start_object(std::size_t /*size*/) override { return open(object()); }
  bool start_array(std::size_t /*size*/) override { return open(array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string &name) override {
    level &in = levels_.back();
    auto &members = std::get<object>(in.container->of);
    const bool has_nul = name.find('\0') != name.npos;
    members.emplace_back(replace_nul(name), value());
    const std::string &known = members.back().first;
    const bool is_new = in.names.insert(known).second;
    awaits_value_ = true;
    if (has_nul && !complain(here(), "a NUL character")) return false;
    return is_new || complain(here(), "stands twice in the object");
  }

  bool parse_error(std::size_t position, const std::string & /*token*/,
                   const nlohmann::detail::exception &e) override {
    constexpr int number_overflow = 406;
    const std::string message = message_of(e.what());
    if (e.id == number_overflow)
      complain(expected(), "number out of range");
    else if (message.find("ill-formed UTF-8") != message.npos)
      complain(expected(), "invalid UTF-8 at byte " + std::to_string(position));
    else
      complain(around(), "syntax error at byte " + std::to_string(position) + ": " + message);
    return false;
  }

 private:
  // An open object or array.  While it is the innermost one, none of the outer ones grows, so it
  // does not move.
  struct level {
    value *container;
    std::unordered_set<std::string> names;
  };

  // The place of the next value.
  value &slot() {
    awaits_value_ = false;
    if (levels_.empty()) return result_.document;
    value *const in = levels_.back().container;
    if (auto *const members = std::get_if<object>(&in->of)) return members->back().second;
    return std::get<array>(in->of).emplace_back();
  }

  template <class T>
  bool add(T &&content) {
    slot().of = std::forward<T>(content);
    if (!nul_) return true;
    nul_ = false;
    return complain(here(), "a NUL character");
  }

  template <class T>
  bool open(T container) {
    value &v = slot();
    v.of = std::move(container);
    if (levels_.size() >= static_cast<std::size_t>(within_.depth))
      return complain(here(), "more than " + std::to_string(within_.depth) + " levels deep") &&
             false;
    levels_.push_back({&v, {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  static std::string replace_nul(const std::string &text) {
    std::string result;
    for (const char c : text) {
      if (c == '\0')
        result += replacement_character;
      else
        result += c;
    }
    return result;
  }

  std::string without_nul(std::string &text) {
    if (text.find('\0') == text.npos) return std::move(text);
    nul_ = true;
    return replace_nul(text);
  }

  // The pointer of the last value of the first `depth` levels, or of the member that the next value
  // belongs to.
  [[nodiscard]] std::string pointer(std::size_t depth) const {
    std::string result;
    for (std::size_t i = 0; i < depth; ++i) {
      if (const auto *const members = std::get_if<object>(&levels_[i].container->of))
        result = child(result, members->back().first);
      else
        result = child(result, std::get<array>(levels_[i].container->of).size() - 1);
    }
    return result;
  }
  [[nodiscard]] std::string here() const { return pointer(levels_.size()); }
  // What surrounds the next token.
  [[nodiscard]] std::string around() const {
    return levels_.empty() || awaits_value_ ? here() : pointer(levels_.size() - 1);
  }
  // Of the next value, or of the object of the next member.
  [[nodiscard]] std::string expected() const {
    if (!levels_.empty())
      if (const auto *const items = std::get_if<array>(&levels_.back().container->of))
        return child(pointer(levels_.size() - 1), items->size());
    return around();
  }

  // False if no more of them are useful.
  bool complain(std::string at, std::string message) {
    said_ += at.size() + message.size();
    const bool goes_on = said_ <= max_fault_bytes;
    result_.faults.push_back({std::move(at), std::move(message), false});
    if (!goes_on) result_.faults.push_back({"", "too many faults to look for more", false});
    return goes_on;
  }

  parsed &result_;
  const limits &within_;
  std::vector<level> levels_;
  std::size_t said_ = 0;
  bool awaits_value_ = false;  // of the last member
  bool nul_ = false;           // in the current string
};

ordered_json converted(const value &v);

struct converter {
  ordered_json operator()(const object &members) const {
    ordered_json result = ordered_json::object();
    auto &list = result.get_ref<ordered_json::object_t &>();
    // not emplace(), which searches all existing ones
    for (const auto &[name, content] : members)
      list.ordered_json::object_t::Container::push_back({name, converted(content)});
    return result;
  }
  ordered_json operator()(const array &items) const {
    ordered_json result = ordered_json::array();
    for (const value &item : items) result.push_back(converted(item));
    return result;
  }
  ordered_json operator()(const real &r) const { return r.number; }
  template <class T>
  ordered_json operator()(const T &plain) const {
    return plain;
  }
};

ordered_json converted(const value &v) { return std::visit(converter(), v.of); }

std::string escaped(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '~')
      result += "~0";
    else if (c == '/')
      result += "~1";
    else
      result += c;
  }
  return result;
}

}  // namespace

std::string text_of(const fault &f) {
  return (f.pointer.empty() ? "(document)" : f.pointer) + ": " + f.message;
}

const value *value::find(std::string_view name) const {
  if (const auto *const members = std::get_if<object>(&of))
    for (const member &m : *members)
      if (m.first == name) return &m.second;
  return nullptr;
}

std::string child(const std::string &pointer, std::string_view name) {
  return pointer + "/" + escaped(name);
}

std::string child(const std::string &pointer, std::size_t index) {
  return pointer + "/" + std::to_string(index);
}

parsed parse(std::string_view text, const limits &within) {
  parsed result;
  if (text.size() > within.bytes) {
    result.faults.push_back({"", "more than " + std::to_string(within.bytes) + " bytes", false});
  } else if (const auto nul = text.find('\0'); nul != text.npos) {
    // nlohmann's parser would read it as the end of the text
    result.faults.push_back({"", "a NUL character at byte " + std::to_string(nul + 1), false});
  } else {
    builder events(result, within);
    ordered_json::sax_parse(text.begin(), text.end(), &events);
  }
  return result;
}

std::string print(const value &v, bool indented) {
  constexpr bool ascii = false;
  return converted(v).dump(indented ? 2 : -1, ' ', ascii, ordered_json::error_handler_t::replace);
}

}  // namespace dynpgext::model::json
