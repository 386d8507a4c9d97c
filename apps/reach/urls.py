from django.contrib.auth import views as auth
from django.urls import path

from apps.reach.views import acts, pages

app_name = "reach"
urlpatterns = [
    path("", pages.home, name="home"),
    path("health/", pages.health, name="health"),
    path("sign-in/", auth.LoginView.as_view(redirect_authenticated_user=True), name="sign-in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("reach/", pages.queue, name="queue"),
    path("reach/list/", pages.queue_list, name="queue-list"),
    path("reach/next/", acts.take_next, name="next"),
    path("reach/<int:escalation_id>/", acts.show, name="case"),
    path("reach/<int:escalation_id>/claim/", acts.claim, name="claim"),
    path("reach/<int:escalation_id>/decide/", acts.decide, name="decide"),
    path("reach/<int:escalation_id>/ask/", acts.ask, name="ask"),
    path("reach/<int:escalation_id>/second/", acts.second, name="second"),
    path("reach/<int:escalation_id>/skip/", acts.skip, name="skip"),
    path("reach/<int:escalation_id>/release/", acts.release, name="release"),
    path("reach/<int:escalation_id>/senior/", acts.senior, name="senior"),
    path("reach/<int:escalation_id>/dismiss/", acts.dismiss, name="dismiss"),
    path("reach/<int:escalation_id>/note/", acts.note, name="note"),
    path("reach/<int:escalation_id>/heartbeat/", acts.heartbeat, name="heartbeat"),
    path("reach/decisions/<int:decision_id>/undo/", acts.undo, name="undo"),
    path("signals/", pages.signals, name="signals"),
]
