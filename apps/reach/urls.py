from django.contrib.auth import views as auth
from django.urls import path

from apps.reach.views import acts, desk, holding, life, pages

app_name = "reach"
urlpatterns = [
    path("", pages.home, name="home"),
    path("health/", pages.health, name="health"),
    path("sign-in/", auth.LoginView.as_view(redirect_authenticated_user=True), name="sign-in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("reach/", pages.queue, name="queue"),
    path("reach/list/", pages.queue_list, name="queue-list"),
    path("reach/numbers/", pages.numbers, name="numbers"),
    path("reach/find/", pages.found, name="find"),
    path("reach/views/", pages.save_view, name="save-view"),
    path("reach/views/<int:view_id>/forget/", pages.forget_view, name="forget-view"),
    path("reach/next/", holding.take_next, name="next"),
    path("reach/<int:escalation_id>/", holding.show, name="case"),
    path("reach/<int:escalation_id>/claim/", holding.claim, name="claim"),
    path("reach/<int:escalation_id>/decide/", acts.decide, name="decide"),
    path("reach/<int:escalation_id>/ask/", acts.ask, name="ask"),
    path("reach/<int:escalation_id>/judge/", acts.judge, name="judge"),
    path("reach/<int:escalation_id>/second/", acts.second, name="second"),
    path("reach/<int:escalation_id>/skip/", holding.skip, name="skip"),
    path("reach/<int:escalation_id>/release/", holding.release, name="release"),
    path("reach/<int:escalation_id>/senior/", holding.senior, name="senior"),
    path("reach/<int:escalation_id>/colleagues/", holding.colleagues, name="colleagues"),
    path("reach/<int:escalation_id>/hand/", holding.hand, name="hand"),
    path("reach/<int:escalation_id>/leave/", holding.leave, name="leave"),
    path("reach/<int:escalation_id>/dismiss/", acts.dismiss, name="dismiss"),
    path("reach/<int:escalation_id>/note/", acts.note, name="note"),
    path("reach/<int:escalation_id>/heartbeat/", holding.heartbeat, name="heartbeat"),
    path("reach/decisions/<int:decision_id>/undo/", acts.undo, name="undo"),
    path("audits/", desk.desk, name="audits"),
    path("audits/next/", desk.take_next, name="audit-next"),
    path("audits/<int:audit_id>/judge/", desk.judge, name="audit-judge"),
    path("audits/<int:audit_id>/review/", desk.review, name="audit-review"),
    path("audits/<int:audit_id>/skip/", desk.skip, name="audit-skip"),
    path("cases/<uuid:reference>/", life.life, name="life"),
    path("signals/", pages.signals, name="signals"),
]
