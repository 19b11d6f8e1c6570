"""Words: how do accounting systems call what our datasets hold, in Russian and in English?

As `matching.plain` writes names: lower case, without spaces, signs and `ё`. The likeliest word comes first. A word of
four letters or more also counts as a part of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ACCOUNT: Final = (
    "лс лицевойсчет номерлс номерлицевогосчета лицсчет счет account accountnumber accountno personalaccount accountid "
    "customerid customer subscriberid clientid"
)
_SERVICE: Final = "услуга видуслуги кодуслуги service serviceid servicecode номенклатура"
_PERIOD: Final = "месяц период расчетныйпериод периодрасчета отчетныйпериод month period billingperiod"
_METER: Final = "прибор приборучета счетчик кодприбора meter meterid код code"
_NUMBER: Final = "номер номердокумента number no documentnumber id ид"
_KINDS: Final = {
    "charged": "начислено начисление сумманачислено charged accrued amount сумма",
    "recalculated": "перерасчет перерасчеты корректировка recalculated recalculation adjustment",
    "benefit": "льгота льготы скидка субсидия benefit discount",
}

TABLES: Final[Mapping[str, str]] = {
    "accounts": "лицевыесчета лицевойсчет лицсчета абоненты accounts account customers customer subscribers subscriber",
    "services": "составляющиеуслуг услуги видыуслуг services service",
    "charges": "начисления начислениеуслуг строкиначислений начисленияуслуг charges charge accruals invoiceline "
    "invoicelines invoiceitem invoiceitems billline billlines",
    "balances": "сальдо взаиморасчеты расчеты расчетысабонентами остатки balances balance",
    "bills": "квитанции квитанция платежныедокументы счетанаоплату bills bill invoices invoice",
    "payments": "платежи платежабонента платежиабонентов оплаты оплата поступления payments payment receipts receipt",
    "meters": "приборыучета приборучета приборы счетчики meters meter devices",
    "readings": "показания показанияприборов показанияприборовучета показаниясчетчиков показание readings reading",
    "documents": "документы документыабонентов договоры договорыабонентов договор contracts contract agreements",
    "allocations": "разноска разноскаплатежей распределениеплатежей зачетплатежей allocations paymentallocations",
    "equipment": "оборудование equipment",
    "tariffs": "тарифы тарифыуслуг tariffs tariff rates",
    "norms": "нормативы нормативыпотребления norms",
    "buildings": "дома здания объектыстроительства buildings building houses",
    "building_months": "расходдомов показаниядомов одпу расхододпу buildingconsumption",
    "weather": "погода градусосутки weather degreedays",
    "works": "работы отключения ремонты works outages",
    "request_answers": "ответыназаявки ответы заявки обращения requestanswers answers tickets",
}

FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "accounts": {
        "account": f"{_ACCOUNT} code код абонент",
        "unified_account": "елс единыйлицевойсчет unifiedaccount",
        "holder_key": "кодабонента абонент плательщик собственник абонентид holderid holder subscriberid customerid",
        "holder_name": "фио абонент плательщик собственник наименованиеабонента holdername fullname customername name "
        "lastname description",
        "holder_kind": "видабонента типабонента категорияабонента юрфиз holderkind customertype kind",
        "holder_since": "абонентс датавступления holdersince since",
        "address": "адрес адреспомещения полныйадрес address fulladdress",
        "area_micro": "площадь общаяплощадь отапливаемаяплощадь area totalarea",
        "residents": "проживает количествопроживающих проживающих residents",
        "opened_on": "открыт датаоткрытия датаначала openedon opened opendate startdate",
        "closed_on": "закрыт датазакрытия датаокончания closedon closed closedate enddate",
        "building": "дом домид building buildingid",
        "living_area_micro": "жилаяплощадь livingarea",
        "registered": "прописано зарегистрировано registered",
    },
    "services": {
        "service": f"{_SERVICE} owner код code",
        "component": "компонент составляющая component код code",
        "title": "наименование название title name description",
        "unit": "единица единицаизмерения едизм unit uom measure",
        "position": "порядок номерпп position sortorder ordernumber",
    },
    "charges": {
        "account": f"{_ACCOUNT} абонент",
        "period": f"{_PERIOD} дата date",
        "service": f"{_SERVICE} trackid productid itemid",
        "component": "компонент составляющая component",
        "volume_micro": "объем количество расход volume quantity consumption",
        "tariff_micro": "тариф цена tariff price unitprice rate",
        "method": "способрасчета методрасчета видрасчета method calculationmethod",
        "charged_kopecks": _KINDS["charged"],
        "recalculated_kopecks": _KINDS["recalculated"],
        "recalculation_reason": "причинаперерасчета основаниеперерасчета recalculationreason reason",
        "benefit_kopecks": _KINDS["benefit"],
        "total_kopecks": "итого всего итогокоплате total totalamount суммаитого",
        "days": "дней количестводней days",
        "norm_micro": "норматив norm",
        "uplift_micro": "повышающийкоэффициент uplift",
    },
    "balances": {
        "account": f"{_ACCOUNT} абонент",
        "period": _PERIOD,
        "service": _SERVICE,
        "opening_kopecks": "сальдоначальное входящеесальдо начальныйостаток сальдонаначало openingbalance opening",
        "charged_kopecks": _KINDS["charged"],
        "recalculated_kopecks": _KINDS["recalculated"],
        "benefit_kopecks": _KINDS["benefit"],
        "penalty_kopecks": "пени пеня penalty fine",
        "paid_kopecks": "оплачено оплата поступило paid payments",
        "closing_kopecks": "сальдоконечное исходящеесальдо конечныйостаток сальдонаконец closingbalance closing",
    },
    "bills": {
        "account": f"{_ACCOUNT} абонент",
        "period": f"{_PERIOD} датавыставления дата issuedate invoicedate date",
        "number": f"{_NUMBER} invoiceid billid invoicenumber",
        "issued_on": "датавыставления датаформирования дата issuedon issuedate invoicedate billdate date",
        "due_on": "срокоплаты оплатитьдо датаоплатыдо dueon duedate due",
        "paid_until": "оплатыпо оплатыучтеныпо paiduntil",
        "amount_due_kopecks": "коплате суммакоплате итогокоплате amountdue total amount сумма",
        "state": "состояние статус state status",
    },
    "payments": {
        "account": f"{_ACCOUNT} абонент",
        "payment": f"{_NUMBER} paymentid платеж код",
        "paid_on": "датаплатежа датаоплаты дата paidon paymentdate date",
        "period": f"{_PERIOD} датаплатежа дата paymentdate date",
        "amount_kopecks": "сумма суммаплатежа оплачено amount sum total",
        "channel": "канал способоплаты источник платежнаясистема банк channel method paymentmethod source",
        "state": "состояние статус state status",
    },
    "meters": {
        "account": f"{_ACCOUNT} owner владелец абонент",
        "meter": _METER,
        "serial": "заводскойномер серийныйномер номерприбора номерсчетчика serial serialnumber номер",
        "service": _SERVICE,
        "model": "модель марка типприбора model type",
        "place": "место местоустановки place location",
        "unit": "единица единицаизмерения едизм unit uom",
        "digits_int": "знаковдо разрядность значностьцелая digitsint digits",
        "digits_frac": "знаковпосле значностьдробная точность digitsfrac decimals",
        "installed_on": "установлен датаустановки датаввода installedon installed installdate",
        "removed_on": "снят датаснятия датавывода removedon removed removedate",
        "verified_on": "поверен датаповерки verifiedon verified",
        "verification_due_on": "поверкадо датаследующейповерки следующаяповерка срокповерки verificationdue",
        "automatic": "автоматический автоматическаяпередача automatic auto",
        "seal": "пломба номерпломбы seal",
        "sealed_on": "опломбирован датаопломбирования sealedon",
        "act": "акт номеракта act",
        "replaces": "вместоприбора replaces",
        "initial_micro": "начальноепоказание initialvalue",
        "final_micro": "конечноепоказание finalvalue",
    },
    "readings": {
        "account": f"{_ACCOUNT} абонент",
        "meter": _METER.removesuffix(" код code"),
        "reading": "идпоказания номерпоказания показание id ид readingid recorder lineno",
        "taken_on": "датапоказания датаснятия дата takenon readingdate period date",
        "period": f"периодрасчета {_PERIOD} дата",
        "value_micro": "значение показание текущеепоказание value reading",
        "source": "источник видпоказания способпередачи source kind",
    },
    "documents": {
        "account": f"{_ACCOUNT} owner владелец абонент",
        "document": "документ код идентификатор documentid id code",
        "kind": "вид виддокумента типдокумента kind type",
        "number": "номердокумента номердоговора номер number contractnumber",
        "signed_on": "датадокумента датадоговора датаподписания дата signedon signdate date",
        "title": "наименование название описание title name description",
        "valid_until": "действуетдо срокдействия validuntil",
    },
    "allocations": {
        "account": f"{_ACCOUNT} абонент",
        "payment": "платеж документплатежа payment paymentid",
        "allocation": "строка номерстроки allocation allocationid lineno",
        "period": _PERIOD,
        "service": _SERVICE,
        "part": "часть видоплаты part kind",
        "amount_kopecks": "сумма amount sum",
    },
    "equipment": {
        "account": f"{_ACCOUNT} owner владелец абонент",
        "equipment": "оборудование код equipment equipmentid code",
        "title": "наименование название title name description",
        "serial": "заводскойномер серийныйномер serial serialnumber",
        "place": "место местоустановки place location",
        "installed_on": "установлено датаустановки installedon installdate",
        "removed_on": "снято датаснятия removedon removedate",
    },
    "tariffs": {
        "service": _SERVICE,
        "component": "компонент составляющая component",
        "since": "действует действуетс датаначала since startdate",
        "until": "по действуетпо датаокончания until enddate",
        "tariff_micro": "тариф цена tariff price rate",
        "basis": "основание приказ basis",
    },
    "norms": {
        "service": _SERVICE,
        "component": "компонент составляющая component",
        "since": "действует действуетс датаначала since startdate",
        "until": "по действуетпо датаокончания until enddate",
        "norm_micro": "норматив norm value",
        "per": "на единицарасчета per",
        "basis": "основание приказ basis",
    },
    "buildings": {
        "building": "дом домид код building buildingid code",
        "address": "адрес address",
        "area_micro": "площадь общаяплощадь area totalarea",
        "house_meter": "естьодпу одпу housemeter",
    },
    "building_months": {
        "building": "дом домид building buildingid",
        "period": _PERIOD,
        "service": _SERVICE,
        "volume_micro": "объем расход volume consumption",
        "area_micro": "площадь area",
    },
    "weather": {
        "period": _PERIOD,
        "degree_days_micro": "градусосутки degreedays",
        "normal_degree_days_micro": "обычно норма normal",
    },
    "works": {
        "works": "работы код номер works worksid",
        "kind": "вид видработ kind type",
        "building": "дом домид building buildingid",
        "service": _SERVICE,
        "starts_at": "начало датаначала startsat start",
        "ends_at": "конец датаокончания endsat end",
        "what": "содержание описание what description",
    },
    "request_answers": {
        "request": "заявка номерзаявки обращение request requestnumber ticket",
        "answer": "ответ номерответа answer answerid",
        "state": "состояние статус state status",
        "text": "текст текстответа содержание text message",
        "answered_on": "дата датаответа answeredon date",
    },
}

CHANGED: Final = (
    "датаизменения изменено изменен датаобновления updatedat modifiedat changedat lastupdate modified updated"
)
DELETED: Final = "deletionmark пометкаудаления удален удалено deleted isdeleted"
SURE_CONSTANTS: Final[Mapping[str, str]] = {
    "holder_kind": "person",
    "method": "other",
    "component": "",
    "state": "issued",
    "source": "supplier",
    "kind": "other",
    "channel": "касса",
    "unit": "m3",
    "automatic": "false",
    "digits_int": "5",
    "digits_frac": "3",
    "recalculated_kopecks": "0",
    "benefit_kopecks": "0",
    "penalty_kopecks": "0",
}
"""What may stand in every row where the accounting system has no such column; only ever suggested in a comment."""
