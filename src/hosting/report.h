// What the view dynpgext.hosted is made of.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

struct instance_report {
  std::string library;
  Oid database;  // InvalidOid: of the whole server
  Oid source;
  int32 position;
  std::string state;
  std::string error;
  uint64 requested;
  uint64 used;
  int32 workers;
  std::string settings;
  int32 sessions;
  bool stale;
  TimestampTz hosted_at;
};
// As this transaction leaves them.
[[nodiscard]] std::vector<instance_report> report(state::shared &s);

}  // namespace dynpgext::hosting
