// What follows when a transaction ends that has changed registrations or memory
// (extensions/ledger.h).
//
//   PRE_COMMIT   reads the registrations as this transaction leaves them, and does all that
//                can fail: takes the provisioning lock, makes room.
//   COMMIT       publishes them, settles memory, starts and stops workers.  Cannot fail:
//                what goes wrong is a WARNING, and the launcher makes it good.
//   ABORT        gives back memory; nothing else has happened.
//   PREPARE      as ABORT; the launcher waits for the transaction's end.
//
// What was rolled back to a savepoint is simply not among the registrations any more.
#pragma once

namespace dynpgext::provisioning {

// Registers the transaction callbacks; once in a process.
void watch_transactions();
// Before a commit that has dropped dynpgext from the database: what else has to go.  Once, when the
// library is loaded.
void follow_drops_of_dynpgext(void (*follow)());

}  // namespace dynpgext::provisioning
