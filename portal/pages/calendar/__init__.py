"""Calendar: which days matter to an account, in whatever calendar its owner looks at?"""

from portal.pages.calendar import feed, handlers

routes = [*handlers.routes, *feed.routes]
