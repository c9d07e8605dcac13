// The content of the view dynpgext.hosted.
#pragma once

#include "hosting/block.h"

namespace dynpgext::hosting {

struct instance_report {
  std::string library;
  Oid database;  // InvalidOid: for the whole server
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
// With the changes of this transaction.
[[nodiscard]] std::vector<instance_report> report(state::shared &s);

}  // namespace dynpgext::hosting
