#include "model/command.h"

#include <algorithm>

#include "model/text.h"

namespace dynpgext::model {
namespace {

std::array<char, worker_extra_size> extra_of(const command &c) {
  std::string all;
  for (const std::string *part : {&c.sql, &c.channel})
    all += std::to_string(part->size()) + ":" + *part;
  all += std::to_string(c.interval) + ":" + std::to_string(c.deadline);
  const command_identity &who = c.identity;
  all += ":" + std::to_string(who.role) + ":" + std::to_string(who.registered_by) + ":" +
         std::to_string(who.database) + ":";
  for (const bool flag : {who.superuser, who.without_login, who.by_hand, c.atomic})
    all += flag ? 't' : 'f';
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

}  // namespace dynpgext::model
