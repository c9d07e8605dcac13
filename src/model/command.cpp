#include "model/command.h"

#include <algorithm>
#include <concepts>

#include "model/text.h"

namespace dynpgext::model {
namespace {

std::string text_of(const std::string &text) { return std::to_string(text.size()) + ":" + text; }
std::string text_of(bool flag) { return flag ? "t" : "f"; }
template <std::integral T>
std::string text_of(T number) {
  return std::to_string(number) + ":";
}

template <class T>
void add_members(const command &c, std::string &into) {
  for_each_member(c, [&](const auto &m, const auto &value) {
    if constexpr (std::is_same_v<decltype(value), const T &>)
      if (!m.has(not_of_process)) into += text_of(value);
  });
}

std::array<char, worker_extra_size> extra_of(const command &c) {
  // type by type: existing rows have digests of the text in this order
  std::string all;
  add_members<std::string>(c, all);
  add_members<std::int64_t>(c, all);
  add_members<std::uint32_t>(c, all);
  add_members<bool>(c, all);
  std::array<char, worker_extra_size> digest{};
  const std::string digits = digest_of(all);
  std::copy(digits.begin(), digits.end(), digest.begin());
  return digest;
}

}  // namespace

void bind(worker &w, const command &c) {
  w.extra = extra_of(c);
  w.argument = c.identity.role;
}

bool is_bound(const worker &w, const command &c) {
  return w.extra == extra_of(c) && w.argument == c.identity.role;
}

std::int64_t next_run(std::int64_t due, std::int64_t now, std::int64_t interval) {
  const std::int64_t step = interval * 1000;
  if (due > now) return due;
  return due + ((now - due) / step + 1) * step;
}

std::int64_t due_by_new_interval(std::int64_t due, std::int64_t began, std::int64_t now,
                                 std::int64_t interval) {
  const std::int64_t step = interval * 1000;
  return began == 0 ? std::min(due, now + step) : std::max(now, began + step);
}

}  // namespace dynpgext::model
