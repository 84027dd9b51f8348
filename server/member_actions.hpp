/// The admin port's actions on members: who they are, and changes of them.
#pragma once

#include <string>

#include "server/admin_actions.hpp"

namespace mainstay::server {

/// GET: the members in force, as `membership_json`.
void tell_members(gateway& cluster, const std::string& body, instant deadline, admin_done done);
/// POST: changes them as the body says, an object with any of `add` (objects with `id`, `address`,
/// `promote`, `priority`), `remove` and `promote` (ids), `change_id`, `token`, `dry_run`.
void change_members(gateway& cluster, const std::string& body, instant deadline, admin_done done);

/// POST: takes a new node in, as the body says: `id`, `address`, `promote`, `priority`, `token`.
void join_cluster(gateway& cluster, const std::string& body, instant deadline, admin_done done);

/// Reads the body of a change. Errors: `invalid_argument`, with the field.
result<membership_request> read_membership_request(const std::string& body);
/// {"cluster_id", "index", "change_id", "voters", "outgoing_voters", "learners", "steps"}.
std::string membership_json(const membership_result& members, cluster_id cluster);

}  // namespace mainstay::server
