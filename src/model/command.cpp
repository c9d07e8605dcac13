#include "model/command.h"

#include <cstdio>
#include <string_view>

namespace dynpgext::model {
namespace {

// FNV-1a; two of them with different beginnings are as good as one of 128 bits.
std::uint64_t hash(std::string_view text, std::uint64_t from) {
  for (const char c : text) {
    from ^= static_cast<unsigned char>(c);
    from *= 0x100000001b3;
  }
  return from;
}

}  // namespace

std::array<char, worker_extra_size> digest_of(const command &c) {
  std::string all;
  for (const std::string *part : {&c.sql, &c.channel, &c.run_as})
    all += std::to_string(part->size()) + ":" + *part;
  all += std::to_string(c.interval) + ":" + std::to_string(c.deadline);
  std::array<char, worker_extra_size> digest{};
  (void)std::snprintf(digest.data(), digest.size(), "%016llx%016llx",
                      static_cast<unsigned long long>(hash(all, 0xcbf29ce484222325)),
                      static_cast<unsigned long long>(hash(all, 0x84222325cbf29ce4)));
  return digest;
}

std::int64_t next_run(std::int64_t due, std::int64_t now, std::int64_t interval) {
  const std::int64_t step = interval * 1000;
  if (due > now) return due;
  return due + ((now - due) / step + 1) * step;
}

}  // namespace dynpgext::model
