"""boto3 against managed applications. Argument: JSON of what world.py reads. Prints one line of JSON; fails with a traceback."""
import json

import enhanced
import life
import refusals
import world

life.created()
life.ran()
life.history()
refusals.every_operation()
classes = refusals.every_class()
enhanced.taken()
enhanced.carried()
enhanced.restored_and_removed()
print(json.dumps({"calls": world.count, "classes": classes, "operations": len(refusals.model.operation_names)}))
